// Checks signed notes, proofs and tiles with the code of Go's checksum database, and makes a key and a note with it.
// A case is read from standard input as JSON; what comes out is a JSON object, and exit code 1 tells that it failed.
package main

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type proof struct {
	Index int64
	Old   int64
	Root  string
	Leaf  string
	Path  []string
}

type testCase struct {
	Key         string
	Note        string
	Inclusions  []proof
	Consistency []proof
	Tiles       map[string]string // by "level/index"
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == "make" {
		makeNote()
		return
	}
	var c testCase
	must(json.NewDecoder(os.Stdin).Decode(&c))
	verifier, err := note.NewVerifier(c.Key)
	must(err)
	opened, err := note.Open([]byte(c.Note), note.VerifierList(verifier))
	must(err)
	lines := strings.Split(opened.Text, "\n")
	size, err := strconv.ParseInt(lines[1], 10, 64)
	must(err)
	root := hash(lines[2])
	for _, p := range c.Inclusions {
		must(tlog.CheckRecord(path(p.Path), size, root, p.Index, hash(p.Leaf)))
	}
	for _, p := range c.Consistency {
		must(tlog.CheckTree(path(p.Path), size, root, p.Old, hash(p.Root)))
	}
	if c.Tiles != nil {
		reader := tlog.TileHashReader(tlog.Tree{N: size, Hash: root}, tiles{c.Tiles})
		for _, p := range c.Inclusions {
			found, err := reader.ReadHashes([]int64{tlog.StoredHashIndex(0, p.Index)})
			must(err)
			if found[0] != hash(p.Leaf) {
				must(fmt.Errorf("leaf %d is another in the tiles", p.Index))
			}
		}
	}
	fmt.Printf(`{"origin": %q}`, lines[0])
}

// tiles reads those of the case; golang.org/x/mod asks for partial ones by their width.
type tiles struct{ of map[string]string }

func (t tiles) Height() int { return 8 }

func (t tiles) ReadTiles(wanted []tlog.Tile) ([][]byte, error) {
	var found [][]byte
	for _, tile := range wanted {
		data, err := base64.StdEncoding.DecodeString(t.of[fmt.Sprintf("%d/%d", tile.L, tile.N)])
		if err != nil || len(data) < tile.W*tlog.HashSize {
			return nil, fmt.Errorf("no tile %v", tile)
		}
		found = append(found, data[:tile.W*tlog.HashSize])
	}
	return found, nil
}

func (t tiles) SaveTiles(_ []tlog.Tile, _ [][]byte) {}

func makeNote() {
	private, public, err := note.GenerateKey(rand.Reader, "example.org/log")
	must(err)
	signer, err := note.NewSigner(private)
	must(err)
	signed, err := note.Sign(&note.Note{Text: "A line.\nAnother.\n"}, signer)
	must(err)
	must(json.NewEncoder(os.Stdout).Encode(map[string]string{"private": private, "public": public, "note": string(signed)}))
}

func hash(text string) tlog.Hash {
	found, err := tlog.ParseHash(text)
	must(err)
	return found
}

func path(texts []string) []tlog.Hash {
	found := []tlog.Hash{}
	for _, text := range texts {
		found = append(found, hash(text))
	}
	return found
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
