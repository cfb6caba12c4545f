// What the pages do beyond reading: follow what happens, and undo it.
"use strict";

const MOST_LINKS = 20; // to the events that undid something
const REFRESH_MS = 300; // what comes together is shown together

function follow(button) {
  const state = document.getElementById("live-state");
  let source = null;
  let waiting = 0;

  const refresh = () => {
    waiting = 0;
    htmx.ajax("GET", location.href, { target: "#timeline", select: "#timeline", swap: "outerHTML" });
  };
  const stop = (text) => {
    source.close();
    source = null;
    button.setAttribute("aria-pressed", "false");
    state.textContent = text;
  };
  const start = () => {
    source = new EventSource(button.dataset.stream);
    source.onopen = () => { state.textContent = "What happens is shown at once."; };
    source.onmessage = () => { waiting ||= setTimeout(refresh, REFRESH_MS); };
    source.onerror = () => {
      if (source.readyState === EventSource.CLOSED) stop("The server ended it.");
      else state.textContent = "Connecting again …";
    };
    button.setAttribute("aria-pressed", "true");
  };
  button.hidden = false;
  button.addEventListener("click", () => (source ? stop("") : start()));
}

const live = document.getElementById("live");
if (live) follow(live);

// What undoing would do, and, once somebody has read it, doing it.

async function asked(url, message) {
  const response = await fetch(url, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(message),
  });
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.message || `The server answered ${response.status}.`);
  return answer;
}

function element(name, text = "", ...children) {
  const made = document.createElement(name);
  made.append(text, ...children);
  return made;
}

function events(count) {
  return count ? ` (${count} ${count === 1 ? "event" : "events"})` : "";
}

function planTable(changes) {
  const columns = ["Field", "Now", "Once undone"];
  const head = element("tr", "", ...columns.map((text) => element("th", text)));
  const rows = [];
  let stream = null;
  for (const one of changes) {
    if (one.stream !== stream) {
      const of = element("th", (stream = one.stream));
      of.colSpan = columns.length;
      of.scope = "rowgroup";
      rows.push(element("tr", "", of));
    }
    rows.push(element("tr", "", ...[one.field, one.shown.from, one.shown.to].map((text) => element("td", text))));
  }
  const table = element("table", "", element("thead", "", head), element("tbody", "", ...rows));
  const scroll = element("div", "", table);
  scroll.className = "scroll";
  return scroll;
}

function offerUndo(section) {
  const place = section.querySelector(".plan");
  const failed = (error) => {
    const said = element("p", error.message);
    said.setAttribute("role", "alert");
    place.replaceChildren(said);
  };
  const carryOut = async (wanted, digest) => {
    try {
      const done = await asked(section.dataset.undo, { ...wanted, digest });
      const number = done.undone.length;
      const links = done.undone.slice(0, MOST_LINKS).map((one) => {
        const link = element("a", `${one.type} of ${one.stream}`);
        link.href = `?at=${one.partition}:${one.offset}`;
        return element("li", "", link);
      });
      if (number > MOST_LINKS) links.push(element("li", `and ${number - MOST_LINKS} more`));
      place.replaceChildren(element("p", `Undone, by ${number} ${number === 1 ? "event" : "events"}, which can be undone too:`));
      place.append(element("ul", "", ...links));
      if (done.refused.length) place.append(element("p", `${done.refused.length} came too late: the fields had changed.`));
    } catch (error) { failed(error); }
  };
  const showPlan = async (wanted) => {
    try {
      const plan = await asked(section.dataset.plan, wanted);
      const lines = plan.left_out.map((one) =>
        element("li", `${one.stream ? `${one.stream}: ` : ""}${one.field ? `${one.field}: ` : ""}${one.reason}${events(one.count)}`));
      place.replaceChildren(plan.changes.length ? planTable(plan.changes) : element("p", "Nothing would change."));
      if (lines.length) place.append(element("h3", "Not undone"), element("ul", "", ...lines));
      if (plan.changes.length) {
        const button = element("button", "Undo this");
        button.type = "button";
        button.addEventListener("click", () => { button.disabled = true; carryOut(wanted, plan.digest); });
        place.append(button);
      }
      if (plan.left_out.some((one) => one.later)) {
        const button = element("button", "Show it with what was changed later");
        button.type = "button";
        button.addEventListener("click", () => showPlan({ ...wanted, over_later: true }));
        place.append(button);
      }
    } catch (error) { failed(error); }
  };
  section.hidden = false;
  for (const button of section.querySelectorAll("[data-wanted]"))
    button.addEventListener("click", () => showPlan(JSON.parse(button.dataset.wanted)));
}

for (const section of document.querySelectorAll(".undo")) offerUndo(section);
