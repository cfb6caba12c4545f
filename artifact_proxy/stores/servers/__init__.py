"""Artifacts on servers of files: FTP, SFTP, WebHDFS."""
