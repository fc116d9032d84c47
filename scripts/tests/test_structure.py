"""Tests of scripts/structure.py: each kind of deviation is found, and what is allowed is not reported."""

import tempfile
import unittest
from pathlib import Path

from scripts.structure import Crate, built_arrows, differences, drawn_arrows, leaves, missing_files


def crate(files: dict[str, str]) -> Crate:
    with tempfile.TemporaryDirectory() as folder:
        for name, text in files.items():
            path = Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return Crate(Path(folder))


def circles(files: dict[str, str]) -> list[list[str]]:
    return [[Path(file).name for file in group] for group in crate(files).circles()]


class Arrows(unittest.TestCase):
    def test_arrows_are_read_from_the_design(self):
        drawn = drawn_arrows("text\n```crates\ncli -> engine text\nengine -> text\ntext\n```\n")
        self.assertEqual(drawn, {"cli": {"engine", "text"}, "engine": {"text"}, "text": set()})

    def test_an_arrow_that_points_up_is_refused(self):
        with self.assertRaisesRegex(ValueError, "cli has to stand below engine"):
            drawn_arrows("```crates\ncli -> engine\nengine -> cli\n```")
        with self.assertRaisesRegex(ValueError, "no block"):
            drawn_arrows("")

    def test_dependencies_of_tests_are_no_arrows(self):
        packages = [
            {"id": "1", "name": "verbatim-engine", "dependencies": [
                {"name": "verbatim-text", "kind": None}, {"name": "verbatim-store", "kind": "dev"},
                {"name": "serde", "kind": None}]},
            {"id": "2", "name": "verbatim-text", "dependencies": []},
            {"id": "3", "name": "verbatim-store", "dependencies": []},
        ]
        built = built_arrows({"workspace_members": ["1", "2", "3"], "packages": packages})
        self.assertEqual(built, {"engine": {"text"}, "text": set(), "store": set()})

    def test_each_difference_is_named(self):
        found = differences({"a": {"b"}, "b": set()}, {"a": {"c"}, "b": set(), "c": set()})
        self.assertEqual(
            found, ["a -> c is not in docs/design.md", "a -> b is in docs/design.md only", "crate c is not in docs/design.md"]
        )


class Files(unittest.TestCase):
    def test_a_named_file_has_to_exist(self):
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "a").mkdir()
            Path(folder, "a/b.rs").touch()
            document = "`a/b.rs` `a/` `a/c.rs` `d/` `b.rs` `cargo run a/e.rs`"
            self.assertEqual(missing_files(document, Path(folder)), ["a/c.rs", "d/"])


class Circles(unittest.TestCase):
    def test_two_files_that_import_each_other(self):
        self.assertEqual(
            circles({"lib.rs": "mod a;\nmod b;", "a.rs": "use crate::b::B;", "b.rs": "use super::a::{A, Z as Y};"}),
            [["a.rs", "b.rs"]],
        )
        self.assertEqual(circles({"lib.rs": "", "a.rs": "fn f() { crate::b::f() }", "b.rs": "use crate::a::A;"}), [["a.rs", "b.rs"]])

    def test_one_direction_is_no_circle(self):
        self.assertEqual(circles({"lib.rs": "", "a.rs": "use crate::b::B;", "b.rs": "use std::io;"}), [])

    def test_tests_and_comments_do_not_count(self):
        inline = "#[cfg(test)]\nmod tests {\n    use crate::a::A;\n}\n// use crate::a::A;"
        self.assertEqual(circles({"lib.rs": "", "a.rs": "use crate::b::B;", "b.rs": inline, "b_tests.rs": "use crate::a::A;"}), [])

    def test_a_reexport_leads_to_the_file_that_defines_the_name(self):
        files = {"lib.rs": "mod x;", "x/mod.rs": "mod y;\nmod z;\npub use y::Y;", "x/y.rs": "struct Y;", "x/z.rs": "use super::Y;"}
        self.assertEqual(circles(files), [])
        self.assertEqual(crate(files).arrows()[("x", "z")], {("x", "y")})

    def test_a_use_tree_has_all_its_leaves(self):
        self.assertEqual(leaves("crate::{a::{B, c::D}, e}"), [("crate", "a", "B"), ("crate", "a", "c", "D"), ("crate", "e")])


if __name__ == "__main__":
    unittest.main()
