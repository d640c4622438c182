"""Settings: which file holds, what wins, and what is said of mistakes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tape_migrate.settings.load import SettingsError, load
from tape_migrate.settings.show import show
from tests.test_cli import LOCAL, REFUSED, run


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / ".git").mkdir()
    (tmp_path / "src" / "deep").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(folder: Path, text: str) -> None:
    (folder / "pyproject.toml").write_text(text, encoding="utf-8")


def test_defaults_hold_where_there_is_no_file(project: Path) -> None:
    settings = load(["src"])
    assert settings.file is None
    assert settings.values["tf-function"] == "auto"
    assert set(settings.origins.values()) == {"default"}
    assert "no pyproject.toml" in show(settings)


def test_the_nearest_file_with_the_table_holds(project: Path) -> None:
    write(project, "[tool.tape-migrate]\nstrict = true\n")
    write(project / "src", '[project]\nname = "no table, but tape-migrate in a text"\n')
    assert load(["src/deep"]).file == str(project / "pyproject.toml")
    write(project / "src", "[tool.tape-migrate]\nannotate = true\n")
    settings = load(["src/deep"])
    assert (settings.flag("annotate"), settings.flag("strict")) == (True, False)
    # Above both.
    assert load(["src/deep", "."]).flag("strict")


def test_nothing_is_read_above_the_work_tree(project: Path) -> None:
    write(project, "[tool.tape-migrate]\nstrict = true\n")
    (project / "src" / ".git").mkdir()
    assert load(["src/deep"]).file is None


def test_the_command_line_wins_and_the_origin_is_shown(project: Path) -> None:
    write(project, '[tool.tape-migrate]\nstrict = true\nselect = ["local", "TM101"]\n')
    settings = load(["src"], {"strict": False, "annotate": None, "ignore": ["nested,hessians"]})
    assert not settings.flag("strict")
    assert settings.words("select") == ("local", "TM101")
    assert settings.words("ignore") == ("nested", "hessians")
    text = show(settings)
    assert 'select = ["local", "TM101"]' in text
    assert "# pyproject.toml" in text
    assert "# command line" in text


def test_a_choice_of_the_file_holds(project: Path) -> None:
    write(project, "[tool.tape-migrate]\ntf-function = 'never'\n")
    assert load(["src"]).values["tf-function"] == "never"


def test_without_paths_the_file_of_the_current_folder_holds(project: Path) -> None:
    write(project, "[tool.tape-migrate]\nstrict = true\n")
    assert load([]).file == str(project / "pyproject.toml")


def test_isolated_and_explicit_files(project: Path) -> None:
    write(project, "[tool.tape-migrate]\nstrict = true\n")
    assert not load(["src"], isolated=True).flag("strict")
    other = project / "other.toml"
    other.write_text('[tool.tape-migrate]\nexclude = ["a/"]\n')
    settings = load(["src"], config=str(other))
    assert settings.words("exclude") == ("a/",)
    assert settings.base("exclude") == str(project)
    assert not settings.flag("strict")
    with pytest.raises(SettingsError, match=r"missing.toml: No such file"):
        load([], config="missing.toml")
    other.write_text("[tool.black]\n")
    with pytest.raises(SettingsError, match="has no"):
        load([], config=str(other))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("strcit = true", "unknown key 'strcit' (did you mean 'strict'?)"),
        ("tf_function = 'auto'", "did you mean 'tf-function'?"),
        ("strict = 1", "strict must be true or false, not 1"),
        ("tf-function = 'sometimes'", "must be one of auto, always, never"),
        ("select = 'local'", "select must be a list"),
        ("select = ['locl']", "no code or shape 'locl' (did you mean 'local'?)"),
        ("include = [1]", "include must be a list of patterns"),
        ("backup-dir = ''", "backup-dir must be a text"),
        ("strict = ", "pyproject.toml: Invalid value"),
    ],
)
def test_mistakes_are_errors_that_say_what_to_do(project: Path, text: str, message: str) -> None:
    write(project, f"[tool.tape-migrate]\n{text}\n")
    with pytest.raises(SettingsError) as caught:
        load(["src"])
    assert message in str(caught.value)
    assert "pyproject.toml" in str(caught.value)


def test_a_run_follows_the_file(project: Path) -> None:
    (project / "src" / "a.py").write_bytes(LOCAL)
    (project / "src" / "deep" / "b.py").write_bytes(REFUSED)
    write(project, '[tool.tape-migrate]\nstrict = true\nexclude = ["deep/"]\n')
    assert run("src", cwd=project).returncode == 0
    # Named outright, as pre-commit does, an excluded file stays excluded.
    assert b"in 0 files" in run("src/deep/b.py", cwd=project).stdout
    assert run("--isolated", "--strict", "src", cwd=project).returncode == 1
    shown = run("config", "src", cwd=project).stdout.decode()
    assert 'exclude = ["deep/"]' in shown
    write(project, "[tool.tape-migrate]\nstrikt = true\n")
    done = run("src", cwd=project)
    assert done.returncode == 2
    assert b"did you mean 'strict'" in done.stderr
