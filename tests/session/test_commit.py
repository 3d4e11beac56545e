"""The commit of a clone, read from its files."""

from session import VERSION, code_version
from session.commit import commit_of
from tests.cases import every_case

COMMIT = "0123456789abcdef" * 2 + "01234567"
BRANCH = "refs/heads/some/branch"


def git_files(root, **files):
    for name, text in files.items():
        path = root / ".git" / name.replace("__", "/").replace("_refs", "-refs")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def test_the_commit_of_a_branch_a_packed_branch_and_of_none(tmp_path):
    head = f"ref: {BRANCH}\n"
    assert commit_of(git_files(tmp_path / "loose", HEAD=head, refs__heads__some__branch=f"{COMMIT}\n")) == COMMIT
    packed = f"# pack-refs with: peeled\n{COMMIT[::-1]} refs/heads/branch\n{COMMIT} {BRANCH}\n^{COMMIT[::-1]}\n"
    assert commit_of(git_files(tmp_path / "packed", HEAD=head, packed_refs=packed)) == COMMIT
    assert commit_of(git_files(tmp_path / "detached", HEAD=f"{COMMIT}\n")) == COMMIT


def test_the_commit_of_a_worktree(tmp_path):
    git_files(tmp_path / "main", refs__heads__some__branch=f"{COMMIT}\n")
    own = tmp_path / "main" / ".git" / "worktrees" / "other"
    own.mkdir(parents=True)
    (own / "HEAD").write_text(f"ref: {BRANCH}\n")
    (own / "commondir").write_text("../..\n")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / ".git").write_text(f"gitdir: {own}\n")
    assert commit_of(tmp_path / "other") == COMMIT


@every_case(
    "head",
    [None, "", "ref: refs/heads/none\n", "ref: ../../secret\n", "no commit\n", "ref:\n", b"\xff\xfe", "ref: \0\n"],
)
def test_elsewhere_only_the_version_is_known(tmp_path, head):
    (tmp_path / "secret").write_text("secret")
    if head is not None:
        (tmp_path / ".git").mkdir()
        (tmp_path / ".git" / "HEAD").write_bytes(head if isinstance(head, bytes) else head.encode())
    assert commit_of(tmp_path) == ""


def test_the_version_comes_first():
    assert code_version().split(" (")[0] == VERSION
