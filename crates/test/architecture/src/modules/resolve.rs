//! What a path stands for.

use super::tree::{Import, Modules, Reach, ident_of};

/// So many imports are followed for a name, lest two of each other be followed for ever.
const MOST_IMPORTS: usize = 16;

/// What a path stands for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Target {
    /// A module.
    Module(usize),
    /// A name defined in a module.
    Item(usize, String),
    /// Something of another crate: its path, beginning with the crate.
    Outside(Vec<String>),
    /// A name that nothing in sight defines: of the language, a macro's, a generic parameter.
    Unknown(String),
}

impl Modules {
    /// What `path` stands for in module `from`. Of a path into a type, such as a variant or a method, the
    /// type counts.
    pub(crate) fn resolve(&self, from: usize, path: &[String]) -> Target {
        self.relative(from, path, MOST_IMPORTS)
    }

    fn relative(&self, from: usize, path: &[String], imports: usize) -> Target {
        let Some((first, rest)) = path.split_first() else { return Target::Module(from) };
        match first.as_str() {
            "crate" => self.inside(0, rest, imports),
            "self" => self.inside(from, rest, imports),
            "super" => self.inside(self.all[from].parent.unwrap_or(from), rest, imports),
            _ => match self.lookup(from, path, imports) {
                Target::Unknown(_) if !rest.is_empty() => Target::Outside(path.to_vec()),
                target => target,
            },
        }
    }

    /// What a path below `module` stands for.
    fn inside(&self, module: usize, path: &[String], imports: usize) -> Target {
        match path.first().map(String::as_str) {
            None => Target::Module(module),
            Some("super") => self.inside(self.all[module].parent.unwrap_or(module), &path[1..], imports),
            Some("self") => self.inside(module, &path[1..], imports),
            Some(_) => self.lookup(module, path, imports),
        }
    }

    /// What a path that begins with a name of `module` stands for. A name alone is an item before it is a
    /// module.
    fn lookup(&self, module: usize, path: &[String], imports: usize) -> Target {
        let (name, rest) = (&path[0], &path[1..]);
        let here = &self.all[module];
        let defined = here.items.iter().any(|item| ident_of(item).is_some_and(|ident| ident == name));
        let child = here.children.get(name).map(|child| child.index);
        if let (Some(child), false) = (child, rest.is_empty()) {
            return self.inside(child, rest, imports);
        }
        if defined {
            return Target::Item(module, name.clone());
        }
        let Some(fewer) = imports.checked_sub(1) else { return Target::Unknown(name.clone()) };
        let named = here.imports.iter().filter(|import| import.name.as_ref() == Some(name));
        // One name may stand for a module and for an item in it.
        let mut found: Vec<Target> =
            named.map(|import| self.relative(module, &[&import.path, rest].concat(), fewer)).collect();
        found.sort_by_key(|target| matches!(target, Target::Module(_) | Target::Unknown(_)));
        if let Some(target) = found.into_iter().next() {
            return target;
        }
        if let Some(child) = child {
            return Target::Module(child);
        }
        let globs = here.imports.iter().filter(|import| import.name.is_none());
        let through = globs.filter_map(|import| match self.relative(module, &import.path, fewer) {
            Target::Module(source) if source != module => Some(self.lookup(source, path, fewer)),
            _ => None,
        });
        let mut known = through.filter(|target| !matches!(target, Target::Unknown(_) | Target::Outside(_)));
        known.next().unwrap_or_else(|| Target::Unknown(name.clone()))
    }

    /// Whether `module` is `ancestor` or lies in it.
    pub(crate) fn lies_in(&self, module: usize, ancestor: usize) -> bool {
        let mut current = Some(module);
        while let Some(index) = current {
            if index == ancestor {
                return true;
            }
            current = self.all[index].parent;
        }
        false
    }

    /// Whether an import passes on, to other modules, what a module inside its own defines.
    pub(crate) fn is_re_export(&self, module: usize, import: &Import) -> bool {
        let defines = match self.resolve(module, &import.path) {
            Target::Module(source) | Target::Item(source, _) => source,
            _ => return false,
        };
        import.visibility != Reach::Private && defines != module && self.lies_in(defines, module)
    }
}
