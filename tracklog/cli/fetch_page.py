"""`tracklog fetch-page`: the files of the stock page, into this installation."""

import click

from tracklog.page.fetch import PAGE_VERSION, PageFetchError, default_page_folder, fetch_page, is_complete


@click.command("fetch-page")
def command() -> None:
    """Fetch the files of the stock MLflow page and verify them.

    A running server shows the page from then on. Repeating the command does nothing.
    """
    folder = default_page_folder()
    if not is_complete(folder):
        click.echo(f"Fetching the page of MLflow {PAGE_VERSION} (pip downloads its wheel, some 10 MB) ...", err=True)
    try:
        fetch_page(folder)
    except (PageFetchError, OSError) as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"The page of MLflow {PAGE_VERSION} is in {folder}", err=True)
