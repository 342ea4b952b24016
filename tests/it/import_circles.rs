//! No two files import one another, directly or through others. What a folder shares may stand in its `mod.rs`.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "syn's items are open: new kinds define nothing that is asked for here"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use syn::visit::Visit;
use syn::{Attribute, Item, UseTree, Visibility};

/// A path of module names, from the root of the package.
type ModulePath = Vec<String>;

#[derive(Default)]
struct Module {
    file: PathBuf,
    defined: BTreeSet<String>,
    /// Names brought in: their own or `_` for a glob, and what they stand for.
    imported: Vec<(String, ModulePath)>,
    /// Every path that the code names, beside re-exports.
    named: BTreeSet<ModulePath>,
}

/// The modules of a package, by their path.
#[derive(Default)]
struct Package {
    modules: BTreeMap<ModulePath, Module>,
}

/// Groups of files of the package in `root` each of which can be reached from each other by imports. Tests do not count.
fn circles(root: &Path) -> Vec<Vec<String>> {
    let mut package = Package::default();
    package.read_folder(root, &mut Vec::new());
    let arrows = package.arrows();
    let show = |file: &Path| file.strip_prefix(root).unwrap_or(file).display().to_string();
    let reached: BTreeMap<&Path, BTreeSet<&Path>> =
        arrows.keys().map(|file| (file.as_path(), reachable(&arrows, file))).collect();
    let mut found = BTreeSet::new();
    for (file, others) in &reached {
        if others.contains(file) {
            let is_mutual = |other: &&&Path| reached.get(**other).is_some_and(|back| back.contains(file));
            found.insert(others.iter().filter(is_mutual).map(|other| show(other)).collect::<Vec<_>>());
        }
    }
    found.into_iter().collect()
}

#[test]
fn no_files_import_one_another_in_a_circle() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let found: Vec<_> = ["src", "crates/callcore/src", "crates/rtp/src", "crates/webrtc/src"]
        .iter()
        .flat_map(|folder| circles(&root.join(folder)))
        .collect();
    assert!(found.is_empty(), "these import one another; move what they share below both: {found:#?}");
}

#[test]
fn a_circle_through_re_exports_and_implementations_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write("lib.rs", "mod call; mod line; pub use line::Line;");
    write("call.rs", "pub struct Call { line: crate::Line }");
    write("line.rs", "use super::call::Call; pub struct Line; impl Call { fn cut(&self) {} }");
    assert_eq!(circles(folder.path()), [["call.rs", "line.rs"]]);
    write("line.rs", "pub struct Line; #[cfg(test)] mod tests { use super::super::call::Call; }");
    assert!(circles(folder.path()).is_empty());
}

fn reachable<'a>(arrows: &'a BTreeMap<PathBuf, BTreeSet<PathBuf>>, from: &Path) -> BTreeSet<&'a Path> {
    let mut seen = BTreeSet::new();
    let mut next: Vec<&Path> = arrows.get(from).into_iter().flatten().map(PathBuf::as_path).collect();
    while let Some(file) = next.pop() {
        if seen.insert(file) {
            next.extend(arrows.get(file).into_iter().flatten().map(PathBuf::as_path));
        }
    }
    seen
}

fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("test")
            || (attribute.path().is_ident("cfg")
                && attribute.parse_args::<syn::Path>().is_ok_and(|path| path.is_ident("test")))
    })
}

impl Package {
    fn read_folder(&mut self, folder: &Path, path: &mut ModulePath) {
        for entry in fs::read_dir(folder).unwrap() {
            let file = entry.unwrap().path();
            let name = file.file_stem().unwrap().to_string_lossy().into_owned();
            if file.is_dir() {
                path.push(name);
                self.read_folder(&file, path);
                path.pop();
            } else if file.extension().is_some_and(|extension| extension == "rs") {
                let is_root = ["lib", "main", "mod"].contains(&name.as_str());
                let path = path.iter().cloned().chain((!is_root).then_some(name)).collect();
                let text = fs::read_to_string(&file).unwrap();
                let source = syn::parse_file(&text).unwrap();
                if !is_test(&source.attrs) {
                    self.read_module(&file, path, source.items);
                }
            }
        }
    }

    fn read_module(&mut self, file: &Path, path: ModulePath, items: Vec<Item>) {
        let mut module = self.modules.remove(&path).unwrap_or_default();
        module.file = file.to_owned();
        for item in items {
            if is_test(attributes(&item)) {
                if let Item::Mod(tests) = &item {
                    // Its file, if it has one, is a test, too.
                    let mut tests_path = path.clone();
                    tests_path.push(tests.ident.to_string());
                    self.modules.insert(tests_path, Module::default());
                }
                continue;
            }
            match item {
                Item::Mod(inner) => {
                    if let Some((_, items)) = inner.content {
                        let mut inner_path = path.clone();
                        inner_path.push(inner.ident.to_string());
                        self.read_module(file, inner_path, items);
                    }
                }
                Item::Use(import) => {
                    let mut leaves = Vec::new();
                    flatten(&import.tree, &mut Vec::new(), &mut leaves);
                    for (name, target) in leaves {
                        let is_reexport = !matches!(import.vis, Visibility::Inherited);
                        if !is_reexport {
                            module.named.insert(target.clone());
                        }
                        module.imported.push((name, target));
                    }
                }
                other => {
                    module.defined.extend(name_of(&other));
                    Paths(&mut module.named).visit_item(&other);
                }
            }
        }
        self.modules.insert(path, module);
    }

    /// The file that defines what `path` names where it stands in `from`.
    fn defining_file(&self, from: &ModulePath, path: &[String], hops: u8) -> Option<&Path> {
        let (first, rest) = path.split_first()?;
        match first.as_str() {
            "crate" => self.descend(&Vec::new(), rest, hops),
            "self" => self.descend(from, rest, hops),
            "super" => {
                let mut parent = from.clone();
                parent.pop()?;
                match rest.first().map(String::as_str) {
                    Some("super") => self.defining_file(&parent, rest, hops),
                    _ => self.descend(&parent, rest, hops),
                }
            }
            _ => self.descend(from, path, hops),
        }
    }

    fn descend(&self, module_path: &ModulePath, rest: &[String], hops: u8) -> Option<&Path> {
        let module = self.modules.get(module_path)?;
        let (first, others) = rest.split_first()?;
        let hops = hops.checked_sub(1)?;
        if module.defined.contains(first) {
            return Some(&module.file);
        }
        let mut child = module_path.clone();
        child.push(first.clone());
        if self.modules.contains_key(&child) {
            return self.descend(&child, others, hops);
        }
        for (name, target) in &module.imported {
            if name == first {
                let whole: Vec<String> = target.iter().chain(others).cloned().collect();
                return self.defining_file(module_path, &whole, hops);
            }
        }
        let globs = module.imported.iter().filter(|(name, _)| name == "*");
        globs.into_iter().find_map(|(_, target)| {
            let whole: Vec<String> = target.iter().chain(rest).cloned().collect();
            self.defining_file(module_path, &whole, hops)
        })
    }

    fn arrows(&self) -> BTreeMap<PathBuf, BTreeSet<PathBuf>> {
        let mut arrows: BTreeMap<PathBuf, BTreeSet<PathBuf>> = BTreeMap::new();
        for (path, module) in &self.modules {
            let own = arrows.entry(module.file.clone()).or_default();
            let targets = module.named.iter().filter_map(|named| self.defining_file(path, named, 20));
            let is_other = |file: &&Path| *file != module.file && !file.as_os_str().is_empty();
            own.extend(
                targets.filter(is_other).filter(|file| !is_door_of(file, &module.file)).map(Path::to_owned),
            );
        }
        arrows
    }
}

/// Whether `file` lies in the folder that `door` is the `mod.rs` of: it may use what its folder shares.
fn is_door_of(door: &Path, file: &Path) -> bool {
    door.ends_with("mod.rs") && door.parent().is_some_and(|folder| file.starts_with(folder))
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

fn name_of(item: &Item) -> Option<String> {
    let ident = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::Type(item) => &item.ident,
        Item::Macro(item) => item.ident.as_ref()?,
        _ => return None,
    };
    Some(ident.to_string())
}

/// Each name that a `use` brings in, with what it stands for.
fn flatten(tree: &UseTree, before: &mut ModulePath, leaves: &mut Vec<(String, ModulePath)>) {
    match tree {
        UseTree::Path(path) => {
            before.push(path.ident.to_string());
            flatten(&path.tree, before, leaves);
            before.pop();
        }
        UseTree::Name(name) if name.ident == "self" => {
            leaves.extend(before.last().map(|last| (last.clone(), before.clone())));
        }
        UseTree::Name(name) => leaves.push((name.ident.to_string(), joined(before, name.ident.to_string()))),
        UseTree::Rename(name) => {
            let target =
                if name.ident == "self" { before.clone() } else { joined(before, name.ident.to_string()) };
            leaves.push((name.rename.to_string(), target));
        }
        UseTree::Glob(_) => leaves.push(("*".to_owned(), before.clone())),
        UseTree::Group(group) => group.items.iter().for_each(|tree| flatten(tree, before, leaves)),
    }
}

fn joined(before: &ModulePath, name: String) -> ModulePath {
    before.iter().cloned().chain([name]).collect()
}

/// Collects the paths that an item names.
struct Paths<'a>(&'a mut BTreeSet<ModulePath>);

impl<'ast> Visit<'ast> for Paths<'_> {
    fn visit_path(&mut self, path: &'ast syn::Path) {
        self.0.insert(path.segments.iter().map(|segment| segment.ident.to_string()).collect());
        syn::visit::visit_path(self, path);
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        if !is_test(&item.attrs) {
            syn::visit::visit_item_fn(self, item);
        }
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        if !is_test(&item.attrs) {
            syn::visit::visit_impl_item_fn(self, item);
        }
    }
}
