"""Two users and one database: each sees what is theirs or shared with them, and does what their role allows."""

from collections.abc import Callable, Iterator
from functools import partial

import pytest

from concepts.access import ROLES
from concepts.database import Database
from concepts.errors import (
    AdapterNotFound,
    ConceptNotFound,
    ContentDamaged,
    LibraryExists,
    LibraryNotEmpty,
    LibraryNotFound,
    MemberNotFound,
    NameInvalid,
    NotPermitted,
    RunNotFound,
)
from concepts.records import MemberRecord
from concepts.registry import Registry


@pytest.fixture
def alice(place) -> Iterator[Database]:
    """Alice, whose library toys holds rex, an adapter and a run."""
    with place.open("alice") as opened:
        yield opened


@pytest.fixture
def bob(place) -> Iterator[Database]:
    with place.open("bob") as opened:
        yield opened


@pytest.fixture
def toys(alice, picture) -> dict[str, object]:
    """What alice's library toys holds."""
    with alice.transaction() as registry:
        registry.create_library("toys", "miniature")
        rex = registry.add_concept("toys", "rex", "dog", [picture("a")]).concept
        image = rex.images[0]
        registry.put_feature("key", "image_embeds", b"1234", (1,), "float32", image.sha, image.mask_sha)
        run = registry.start_run("toys", "finetune", {}, [rex.version_id])
        adapter = registry.add_adapter("toys", "ab" * 32, "ab.safetensors", "lora", "tiny", {}, [rex.version_id], run)
    return {"rex": rex, "sha": image.sha, "run": run, "adapter": adapter.id}


def share(alice: Database, role: str) -> None:
    with alice.transaction() as registry:
        registry.share_library("toys", "bob", role)


def test_everybody_begins_with_a_library_of_their_own(alice, bob):
    for database in (alice, bob):
        with database.reading() as registry:
            (library,) = registry.libraries()
        assert (library.name, library.owner, library.address) == ("default", database.user, "default")
        assert (library.role, library.current) == ("owner", True)


def test_what_is_not_shared_is_not_found_in_the_words_for_what_does_not_exist(alice, bob, toys):
    def refusal(name: str) -> str:
        with pytest.raises(LibraryNotFound) as refused, bob.reading() as registry:
            registry.concepts(name)
        return str(refused.value).replace(name, "NAME")

    assert refusal("alice/toys") == refusal("alice/nothing") == refusal("nobody/toys")
    assert "There is: 'default'." in refusal("toys")
    with bob.reading() as registry:
        assert registry.find_library("alice/toys") is None
        assert registry.find_run(toys["run"]) is None
        assert registry.feature("key") is None
        assert registry.catalogue([toys["rex"].id]) == [] and registry.image_counts() == {}
        assert list(registry.seen_images("image_embeds", "k", "y")) == []
        near = partial(registry.concepts_near, names=["rex"])
        for of_a_library in (registry.page, near, registry.library_address, registry.library_stack):
            with pytest.raises(LibraryNotFound):
                of_a_library("alice/toys")
        with pytest.raises(ContentDamaged, match="No image, mask or original"):
            registry.blob(toys["sha"])
        with pytest.raises(AdapterNotFound):
            registry.get_adapter("default", toys["adapter"])
    with bob.transaction() as registry:
        assert not registry.put_feature("other", "image_embeds", b"evil", (1,), "float32", toys["sha"])
        assert "key" not in registry.computed_features()
        registry.drop_features(["key"])
        with pytest.raises(RunNotFound):
            registry.fail_run(toys["run"], "why not")
    with alice.reading() as registry:
        assert registry.features(["key"])["key"].data == b"1234", "what another cannot see, they cannot drop"


WRITES: dict[str, tuple[str, Callable]] = {
    "add_concept": ("editor", lambda it, at, had, image: it.add_concept(at, "max", "dog", [image])),
    "revise_concept": ("editor", lambda it, at, had, image: it.revise_concept(at, "rex", "cat", [image])),
    "rename_concept": ("editor", lambda it, at, had, image: it.rename_concept(at, "rex", "max")),
    "remove_concept": ("editor", lambda it, at, had, image: it.remove_concept(at, "rex")),
    "restore_concept": ("editor", lambda it, at, had, image: it.restore_concept(at, "gone")),
    "find_to_forget": ("editor", lambda it, at, had, image: it.find_to_forget(at, "rex")),
    "forget_concept": ("editor", lambda it, at, had, image: it.forget_concept(at, "rex")),
    "copy_concept": ("editor", lambda it, at, had, image: it.copy_concept(at, "rex", at, "max")),
    "set_library_stack": ("editor", lambda it, at, had, image: it.set_library_stack(at, "kandinsky-2.2")),
    "start_run": ("editor", lambda it, at, had, image: it.start_run(at, "finetune", {}, [had["rex"].version_id])),
    "finish_run": ("editor", lambda it, at, had, image: it.finish_run(had["run"], had["adapter"])),
    "fail_run": ("editor", lambda it, at, had, image: it.fail_run(had["run"], "why")),
    "add_adapter": ("editor", lambda it, at, had, image: it.add_adapter(at, "cd" * 32, "f", "lora", "tiny", {}, [])),
    "remove_adapter": ("editor", lambda it, at, had, image: it.remove_adapter(at, had["adapter"])),
    "require_editor": ("editor", lambda it, at, had, image: it.require_editor(at)),
    "rename_library": ("owner", lambda it, at, had, image: it.rename_library(at, "games")),
    "remove_library": ("owner", lambda it, at, had, image: it.remove_library(at, agreed=True)),
    "share_library": ("owner", lambda it, at, had, image: it.share_library(at, "carol", "reader")),
    "unshare_library": ("owner", lambda it, at, had, image: it.unshare_library(at, "dora")),
}
OTHERS = {
    *("libraries", "find_library", "get_library", "current_library", "catalogue", "members", "runs", "find_run"),
    *("concepts", "concept_names", "find_concept", "get_concept", "history", "concept_version", "removed_concepts"),
    *("adapters", "get_adapter", "blob", "feature", "features"),
    *("page", "concepts_near", "image_counts", "seen_images", "generation", "owns_library", "computed_features"),
    "left_out",
    *("library_address", "library_stack"),
    *("create_library", "use_library"),  # these write what is the user's own
    *("put_feature", "drop_features"),  # these what nobody made
}


def test_what_is_shared_is_seen_in_all_that_is_compared(alice, bob, toys):
    share(alice, "reader")
    with bob.reading() as registry:
        assert [entry.library for entry in registry.catalogue([toys["rex"].id])] == ["alice/toys"]
        assert registry.image_counts() == {toys["rex"].id: 1}
        assert [seen.data for seen in registry.seen_images("image_embeds", "k", "y")] == [b"1234"]
        assert [concept.name for concept in registry.page("alice/toys").concepts] == ["rex"]


def test_every_verb_of_the_registry_is_tried_with_every_role():
    verbs = {name for name in vars(Registry) if not name.startswith("_")}
    assert verbs == WRITES.keys() | OTHERS


class Undone(Exception):
    """Ends a transaction that leaves nothing."""


@pytest.mark.parametrize("role", ROLES)
def test_a_role_allows_what_it_allows_and_no_more(alice, bob, toys, picture, role):
    share(alice, role)
    with alice.transaction() as registry:
        registry.share_library("toys", "dora", "reader")
        registry.add_concept("toys", "gone", "hat", [picture("g")])
        registry.remove_concept("toys", "gone")
    for verb, (least, write) in WRITES.items():
        with pytest.raises((Undone, NotPermitted)) as ended, bob.transaction() as registry:
            write(registry, "alice/toys", toys, picture("b"))
            raise Undone
        if ROLES.index(role) >= ROLES.index(least):
            assert ended.type is Undone, verb
            continue
        assert (ended.type, ended.value.exit_code) == (NotPermitted, 10), verb
        an = "a reader" if role == "reader" else "an editor"
        assert ended.value.cause.startswith(f"You ('bob') are {an} of 'alice/toys': only an {least} may ")
        assert ended.value.remedy.startswith(f"Ask alice for: studio library share toys bob --role {least}.")


def test_a_reader_sees_and_uses_everything(alice, bob, toys):
    share(alice, "reader")
    with bob.transaction() as registry:
        library = registry.use_library("alice/TOYS")
        assert (library.address, library.role, library.current) == ("alice/toys", "reader", True)
        assert [each.address for each in registry.libraries()] == ["default", "alice/toys"]
        assert registry.current_library().address == "alice/toys"
        assert registry.get_concept("alice/toys", "rex").library == "alice/toys"
        assert registry.blob(toys["sha"]) == b"a"
        assert registry.feature("key").data == b"1234"
        assert (registry.library_address(), registry.library_address("alice/TOYS")) == ("alice/toys", "alice/toys")
        assert registry.library_stack("alice/toys") == library.stack
        assert registry.put_feature("mine", "image_embeds", b"5678", (1,), "float32", toys["sha"])
        assert {"key", "mine"} <= set(registry.computed_features())
        assert "mine" in registry.computed_features()
        registry.drop_features(["mine"])
        assert registry.features(["key", "mine"]).keys() == {"key"}
        assert registry.find_run(toys["run"]).library == "alice/toys"
        assert registry.adapters("alice/toys")[0].id == toys["adapter"]
        assert registry.members("alice/toys") == [MemberRecord("alice", "owner"), MemberRecord("bob", "reader")]
        with pytest.raises(ConceptNotFound, match="in library 'alice/toys'"):
            registry.get_concept("alice/toys", "max")
    with alice.reading() as registry:
        assert registry.get_concept("toys", "rex").library == "toys"
        assert registry.current_library().name == "default", "what bob uses is bob's matter"


def test_somebody_may_be_shared_with_before_they_ever_came(place, alice, toys):
    with alice.transaction() as registry:
        registry.share_library("toys", "newcomer", "reader")
    with place.open("newcomer") as database, database.transaction() as registry:
        assert [(each.address, each.current) for each in registry.libraries()] == [
            ("default", True),
            ("alice/toys", False),
        ]
        registry.remove_library("default")
        assert [(each.address, each.current) for each in registry.libraries()] == [("alice/toys", False)]
        with pytest.raises(LibraryNotFound):
            registry.current_library()


def test_who_is_not_shared_with_any_more_is_back_in_their_own(alice, bob, toys):
    share(alice, "owner")
    with bob.transaction() as registry:
        registry.use_library("alice/toys")
    with alice.transaction() as registry:
        assert registry.unshare_library("toys", "bob") == MemberRecord("bob", "owner")
    with bob.reading() as registry:
        assert registry.current_library().address == "default"
        assert registry.find_library("alice/toys") is None


def test_a_member_may_leave(alice, bob, toys):
    share(alice, "reader")
    with bob.transaction() as registry:
        registry.unshare_library("alice/toys", "bob")
        assert registry.find_library("alice/toys") is None
    with alice.transaction() as registry, pytest.raises(MemberNotFound) as refusal:
        registry.unshare_library("toys", "bob")
    assert refusal.value.cause == "Library 'toys' is not shared with 'bob'. It is shared with: nobody."
    assert refusal.value.exit_code == 3


def test_a_role_can_change_but_not_the_owners(alice, bob, toys):
    share(alice, "reader")
    share(alice, "owner")
    with bob.transaction() as registry:
        assert registry.get_library("alice/toys").role == "owner"
        for verb in (lambda: registry.share_library("alice/toys", "alice", "reader"),
                     lambda: registry.unshare_library("alice/toys", "alice")):  # fmt: skip
            with pytest.raises(NotPermitted) as refusal:
                verb()
            assert refusal.value.cause == "Library 'toys' belongs to 'alice', whose role cannot change."
    with alice.transaction() as registry, pytest.raises(ValueError, match="'king' is not one of"):
        registry.share_library("toys", "bob", "king")


def test_names_are_unique_for_each_owner(alice, bob, toys):
    share(alice, "editor")
    with bob.transaction() as registry:
        registry.create_library("Toys")
        assert registry.get_library("toys").owner == "bob"
        assert registry.get_library("alice/TOYS").owner == "alice"
        assert registry.get_library("bob/toys").address == "Toys"
        with pytest.raises(LibraryExists):
            registry.create_library("TOYS")
        with pytest.raises(LibraryExists):
            registry.rename_library("default", "toys")
        assert registry.rename_library("toys", "TOYS").name == "TOYS"


@pytest.mark.parametrize("name", ["alice/new", "/", "a/"])
def test_a_new_library_has_no_slash_in_its_name(bob, name):
    with bob.transaction() as registry, pytest.raises(NameInvalid) as refusal:
        registry.create_library(name)
    assert "holds a slash" in refusal.value.cause
    assert "OWNER/LIBRARY names another's library" in refusal.value.remedy


def test_a_library_of_an_older_version_may_have_a_slash(bob, sql):
    with bob.transaction() as registry:
        registry.create_library("old")
    sql("UPDATE libraries SET name = 'alice/toys', name_key = 'alice/toys' WHERE name = 'old'")
    with bob.transaction() as registry:
        assert registry.get_library("alice/toys").owner == "bob"
        assert registry.get_library("bob/alice/toys").owner == "bob"
        assert registry.rename_library("alice/toys", "toys").address == "toys"


@pytest.mark.sqlite
@pytest.mark.parametrize("user", ["", "a/b", "x\ny", "x" * 81])
def test_a_user_has_a_name_that_can_be_one(alice, toys, user):
    with alice.transaction() as registry, pytest.raises(NameInvalid, match="user name"):
        registry.share_library("toys", user, "reader")
    with pytest.raises(NameInvalid, match="user name"):
        Database.open(alice.path.parent, user=user)


def test_a_library_that_holds_something_goes_only_where_somebody_agreed(alice, toys, sql):
    with alice.transaction() as registry:
        registry.remove_concept("toys", "rex")
        with pytest.raises(LibraryNotEmpty) as refusal:
            registry.remove_library("toys")
        gone = registry.restore_concept("toys", "rex") and registry.remove_library("toys", agreed=True)
        assert registry.find_library("toys") is None
    assert refusal.value.cause == (
        "Library 'toys' is not empty: 1 removed concept, 1 adapter, 1 run would be deleted for good."
    )
    assert refusal.value.remedy == "If that is what you want: studio library remove toys --yes"
    assert (gone.concepts, gone.removed_concepts, gone.unused_files) == (("rex",), (), ("ab.safetensors",))
    assert (gone.adapters, gone.runs) == ((toys["adapter"],), (toys["run"],))
    for table in ("concepts", "concept_versions", "version_images", "features", "blobs", "adapters", "runs"):
        assert sql(f"SELECT count(*) FROM {table}") == [(0,)], table


def test_an_empty_library_goes_at_once_and_its_file_stays_where_another_has_it(alice, toys, sql):
    with alice.transaction() as registry:
        registry.create_library("empty")
        registry.use_library("empty")
        assert registry.remove_library("empty").concepts == ()
        assert registry.current_library().name == "default"
        registry.add_adapter("default", "ab" * 32, "ab.safetensors", "lora", "tiny", {}, [])
        assert registry.remove_library("toys", agreed=True).unused_files == ()


def test_a_copy_shares_bytes_and_features_and_nothing_else(alice, bob, toys, sql):
    share(alice, "reader")
    before = sql("SELECT sha FROM blobs ORDER BY sha")
    with bob.transaction() as registry:
        copied = registry.copy_concept("alice/toys", "rex", "default", "max")
        again = registry.copy_concept("alice/toys", "rex", "default", "MAX")
    assert (copied.created, again.created, again.concept) == (True, False, copied.concept)
    assert (copied.concept.name, copied.concept.library, copied.concept.version) == ("max", "default", 1)
    assert (copied.concept.manifest, copied.concept.images) == (toys["rex"].manifest, toys["rex"].images)
    assert sql("SELECT sha FROM blobs ORDER BY sha") == before
    with alice.transaction() as registry:
        registry.unshare_library("toys", "bob")
        forgotten = registry.forget_concept("toys", "rex")
    assert len(forgotten.kept) == 2 and forgotten.deleted.sizes == {}
    with bob.reading() as registry:
        assert registry.blob(toys["sha"]) == b"a"
        assert registry.feature("key").data == b"1234"


def test_a_copy_takes_no_name_that_is_taken_and_passes_on_nothing_damaged(alice, toys, picture, sql):
    with alice.transaction() as registry:
        registry.add_concept("default", "Rex", "cat", [picture("b")])
        with pytest.raises(Exception, match="A concept named 'Rex' is already in library 'default'") as refusal:
            registry.copy_concept("toys", "rex", "default")
        assert refusal.value.remedy == "Give the copy another name with --as NEW_NAME."
    sql("UPDATE blobs SET data = ? WHERE sha = ?", b"A", toys["sha"])
    with pytest.raises(ContentDamaged), alice.transaction() as registry:
        registry.copy_concept("toys", "rex", "default", "max")
    with alice.reading() as registry:
        assert registry.concept_names("default") == ["Rex"]
