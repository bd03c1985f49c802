"""`accounts`: the tokens of the company's accounts, and whether the platforms let them work."""

import sys
from collections.abc import Callable, Sequence
from getpass import getpass
from pathlib import Path
from typing import Annotated, Final

import typer

from rejoinder.accounts import Accounts, PageToken, XToken, XUser, accounts_of, digest, kept_name, read_name
from rejoinder.cli.errors import BadInput, NotFound
from rejoinder.cli.instances import running_instance, settings_for
from rejoinder.cli.kafka import cluster_of
from rejoinder.cli.options import Config, Data, Json, NewData, group
from rejoinder.cli.publishing import accounts_in_force
from rejoinder.cli.terminal import clean, print_json, print_table, tell
from rejoinder.cluster import wall_clock
from rejoinder.connecting import given
from rejoinder.connecting.adding import add_page, add_x, check_address
from rejoinder.connecting.checking import check as check_account
from rejoinder.connecting.credentials import PageCredentials
from rejoinder.connecting.findings import Finding
from rejoinder.instance import Instance
from rejoinder.sections import SettingsError
from rejoinder.settings import Settings
from rejoinder.simulated import as_it_runs

app = group("Add the accounts' tokens, register their webhooks, and check what is missing.")
Name = Annotated[str, typer.Argument(metavar="ACCOUNT", help="x:ID, facebook:ID or messenger:ID, the platform's id.")]
KINDS: Final = {XUser: "OAuth 1.0a", XToken: "OAuth 2.0", PageToken: "Page token"}


@app.command()
def add(
    name: Name,
    token_file: Annotated[
        str | None, typer.Option(help="A file with the token; - for standard input. Without it: a prompt.")
    ] = None,
    webhook: Annotated[
        str | None, typer.Option(help="The public https address of the webhook, which is then registered.")
    ] = None,
    json: Json = False,
    data: NewData = None,
    config: Config = None,
) -> None:
    """Keep an account's token after a check, and register its webhook. The same once more changes nothing.

    A running instance uses a new token at once. A Page has one token, for Facebook and Messenger.

    Example: rejoinder accounts add x:42 --token-file token.json --webhook https://care.example/webhooks/x
    Example: rejoinder accounts add facebook:1234 --webhook https://care.example/webhooks/meta
    """
    channel, account = read_name(name)
    settings = settings_for(data, config)
    accounts = accounts_of(settings)
    platform = "x" if channel == "x" else "meta"
    simulated = settings.x.simulated if channel == "x" else settings.meta.simulated
    if webhook is not None:
        check_address(webhook, platform, simulated)
    if channel == "x":
        kept = None if simulated else given.for_x(_read(token_file, _ask_x, given.X_FORMS), wall_clock())
        findings = add_x(settings, accounts, account, kept, webhook)
    else:
        token = _simulated(settings, accounts, account) if simulated else _page(token_file)
        findings = add_page(settings, accounts, account, token, webhook, wall_clock())
    _show(findings, json)


@app.command()
def check(
    name: Annotated[
        str | None,
        typer.Argument(metavar="ACCOUNT", help="x:ID, facebook:ID or messenger:ID; without it: all of the policy."),
    ] = None,
    json: Json = False,
    data: Data = None,
    config: Config = None,
) -> None:
    """Check tokens, permissions and webhooks with the platforms. Ends with 1 if anything is missing.

    Without an account: those of the policy in force and those that were added.

    Example: rejoinder accounts check
    """
    settings, instance = _instance(data, config)
    names = _all(settings, instance) if name is None else [kept_name(*read_name(name))]
    accounts = accounts_of(settings)
    findings: list[Finding] = []
    for each in names:
        findings += check_account(settings, accounts, *read_name(each), now=wall_clock())
    if not names:
        tell("There is no account, neither in a policy nor added: see `rejoinder accounts add --help`.")
    if name is None and instance is None:
        tell("No instance runs, so that there is no policy: the accounts that were added were checked.")
    _show(findings, json)
    if any(finding.state == "missing" for finding in findings):
        raise typer.Exit(1)


@app.command("list")
def list_accounts(json: Json = False, data: NewData = None, config: Config = None) -> None:
    """List the accounts whose tokens are kept; never the tokens.

    Example: rejoinder accounts list
    """
    found = accounts_of(settings_for(data, config)).all()
    if json:
        return print_json(
            {"account": name, "kind": KINDS[type(kept)], "webhook": kept.webhook} for name, kept in found.items()
        )
    print_table(
        ("account", "kind", "webhook"), [(name, KINDS[type(kept)], kept.webhook) for name, kept in found.items()]
    )
    if not found:
        tell("No account was added yet: see `rejoinder accounts add --help`.")


@app.command()
def remove(name: Name, data: NewData = None, config: Config = None) -> None:
    """Forget an account's token. Its webhook stays with the platform, which then finds nobody who answers for it.

    Example: rejoinder accounts remove x:42
    """
    accounts, kept = accounts_of(settings_for(data, config)), kept_name(*read_name(name))
    with accounts.locked():
        if kept not in accounts.all():
            raise NotFound(f"no token of {kept} is kept; there are: {', '.join(accounts.all()) or 'none'}")
        accounts.remove(kept)
    print(f"The token of {kept} is forgotten here: withdraw it at the platform too, if it has become known.")


def _instance(data: Data, config: Config) -> tuple[Settings, Instance | None]:
    """The settings, with the simulator if one runs, and the running instance, if there is one."""
    try:
        settings, instance = running_instance(data, config)
    except NotFound:
        return settings_for(data, config), None
    return as_it_runs(settings, instance), instance


def _all(settings: Settings, instance: Instance | None) -> list[str]:
    """The accounts of the policy in force, and those that were added."""
    names = set(accounts_of(settings).all())
    if instance is not None:
        names |= {kept_name(each.channel, each.id) for each in accounts_in_force(cluster_of(settings, instance))}
    return sorted(names)


def _page(token_file: str | None) -> PageToken:
    return given.for_page(_read(token_file, _ask_page, given.PAGE_FORMS))


def _simulated(settings: Settings, accounts: Accounts, page: str) -> PageToken:
    token = PageCredentials(accounts, settings.meta)(page)
    if token is None:
        raise SettingsError("the simulator makes tokens from meta.app_secret: set it")
    return PageToken(given=digest(token), access_token=token)


def _read(token_file: str | None, ask: Callable[[], dict[str, str]], forms: str) -> given.Given:
    """The token, from where it was said to be. Raises BadInput, BadToken."""
    if token_file is None:
        if not sys.stdin.isatty():
            raise BadInput(f"there is no terminal to ask for the token at: give --token-file, or - with {forms}")
        return given.Given({name: value for name, value in ask().items() if value})
    try:
        if token_file == "-":
            return given.read(sys.stdin.read(given.LIMIT + 1), forms)
        with Path(token_file).open(encoding="utf-8") as opened:
            return given.read(opened.read(given.LIMIT + 1), forms)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise BadInput(f"--token-file {token_file} can't be read: {reason}") from None


def _ask_x() -> dict[str, str]:
    token = getpass("Access token: ").strip()
    if secret := getpass("Access token secret (none for OAuth 2.0): ").strip():
        return {"access_token": token, "access_token_secret": secret}
    return {"access_token": token, "refresh_token": getpass("Refresh token: ").strip()}


def _ask_page() -> dict[str, str]:
    return {"access_token": getpass("Access token of the Page, or of somebody who manages it: ").strip()}


def _show(findings: Sequence[Finding], json: bool) -> None:
    if json:
        return print_json(findings)
    print_table(
        ("account", "what", "", "found"), [(each.account, each.what, each.state, each.says) for each in findings]
    )
    for each in findings:
        if each.mend is not None:
            print(clean(f"\n{each.account}, {each.what}: {each.says}.\nTo mend: {each.mend}.", newlines=True))
