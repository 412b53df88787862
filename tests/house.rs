//! The house's rules, read off the source: who may name whom, how long a file may be, how it begins. ARCHITECTURE.md says why.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// Which floors and files at the crate's root each of them may name. `words`, `each` and `insert_all` are macros, of the domain and of the store.
const MAY_NAME: &[(&str, &[&str])] = &[
    ("domain", &["domain", "words"]),
    ("clock", &["clock"]),
    ("error", &["error", "domain", "store"]),
    ("config", &["config", "domain", "words", "store"]),
    ("store", &["store", "domain", "words", "each", "insert_all", "error", "clock", "config"]),
    ("outbound", &["outbound", "domain", "words"]),
    ("actions", &["actions", "store", "domain", "words", "each", "error", "clock", "config"]),
    ("instance", &["instance", "outbound", "store", "domain", "error", "clock", "config"]),
    ("http", &["http", "instance", "actions", "outbound", "store", "domain", "words", "error", "clock", "config"]),
    ("jobs", &["jobs", "instance", "actions", "outbound", "store", "domain", "words", "error", "clock", "config"]),
    ("cli", &["cli", "instance", "jobs", "http", "actions", "outbound", "store", "domain", "words", "error", "clock", "config"]),
    ("main", &["cli", "relance"]),
];

/// What only the named floors may name outside their tests: crates, and single names of them.
const ONLY_IN: &[(&str, &[&str])] = &[
    ("diesel", &["store", "error"]),
    ("diesel_migrations", &["store"]),
    ("libsqlite3_sys", &["store"]),
    ("pq_sys", &["store"]),
    ("actix_web", &["http", "cli"]),
    ("StatusCode", &["http"]),
    ("utoipa_swagger_ui", &["http"]),
    ("pulldown_cmark", &["http"]),
    ("jsonschema", &["domain", "http"]),
    ("prometheus", &["http", "jobs"]),
    ("reqwest", &["outbound"]),
    ("SmtpTransport", &["outbound"]),
    ("tokio", &["store", "actions", "outbound", "http", "jobs", "cli"]),
    ("futures_util", &["store", "outbound", "actions", "http", "jobs", "cli"]),
    ("clap", &["cli"]),
    ("clap_complete", &["cli"]),
    ("indicatif", &["cli"]),
];

/// What the domain never names outside its tests: the world, and its time.
const OUTSIDE_THE_DOMAIN: &[&str] = &[
    "std::env",
    "std::fs",
    "std::process",
    "std::thread",
    "std::net::TcpStream",
    "std::net::TcpListener",
    "std::time::Instant",
    "std::time::SystemTime",
    "chrono::Local",
    "Utc::now",
    "Local::now",
    "tracing",
];

/// What a file does against a rule.
type Rule = fn(&Source) -> Vec<String>;

const LONGEST: usize = 400;
/// Longer files, how long they may be, and why they are still one thing.
const LONGER: &[(&str, usize, &str)] = &[
    ("src/store/schema.rs", 1500, "the tables, one after the other"),
    ("src/store/facts.rs", 460, "what a decision knows is loaded in one place"),
    ("src/domain/dunning/account.rs", 420, "what a decision knows stands in one place"),
    ("src/domain/dunning/policy.rs", 410, "a policy is one document"),
    ("src/domain/evidence/entry.rs", 420, "the entry's encoding, with its tests"),
    ("src/domain/evidence/tree.rs", 420, "the tree of RFC 6962, with its tests"),
    ("src/domain/evidence/verify/tests.rs", 440, "every way to falsify a log"),
    ("src/domain/calendar/holidays.rs", 420, "the holidays of every country, as one table"),
    ("src/outbound/mod.rs", 480, "what every adapter promises and is given stands in one place"),
    ("src/outbound/dsn.rs", 420, "the reader of bounces, with its tests"),
    ("src/outbound/bench.rs", 530, "what is done to every adapter stands in one place"),
    ("src/outbound/providers/aws_sms.rs", 450, "one provider is one file"),
    ("src/outbound/providers/smtp.rs", 590, "one provider is one file"),
    ("src/outbound/providers/webhook.rs", 520, "one provider is one file"),
    ("src/outbound/providers/twilio.rs", 490, "one provider is one file"),
];

#[test]
fn floors_name_only_what_lies_below() {
    assert_none(&all_sources(), floor_faults);
}

#[test]
fn what_belongs_to_one_floor_stays_there() {
    assert_none(&all_sources(), ownership_faults);
}

#[test]
fn the_domain_knows_no_world() {
    assert_none(&all_sources(), world_faults);
}

#[test]
fn every_file_is_short_or_says_why() {
    let faults: Vec<String> = all_sources()
        .iter()
        .filter_map(|source| {
            let lines = source.text.lines().count();
            let most = LONGER.iter().find(|(path, ..)| *path == source.path).map_or(LONGEST, |(_, most, _)| *most);
            (lines > most).then(|| format!("{}: {lines} lines, {most} at most; split it, or list it with a reason", source.path))
        })
        .collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    for (path, ..) in LONGER {
        let lines = fs::read_to_string(root().join(path)).map_or(0, |text| text.lines().count());
        assert!(lines > LONGEST, "{path} is listed as long and has {lines} lines: take it off the list");
    }
}

#[test]
fn every_module_says_what_it_is() {
    let silent: Vec<String> =
        all_sources().into_iter().filter(|source| !source.is_test && !source.text.starts_with("//! ")).map(|source| source.path).collect();
    assert!(silent.is_empty(), "these do not begin with `//! `: {}", silent.join(", "));
}

/// The rules see what they must see, and nothing that is only said in passing.
#[test]
fn planted_faults_are_found() {
    let planted: &[(&str, &str, Rule)] = &[
        ("src/domain/money.rs", "use crate::store::Conn;", floor_faults),
        ("src/domain/money.rs", "use super::super::actions;", floor_faults),
        ("src/domain/money.rs", "mod inner { fn f() { super::super::super::http::serve() } }", floor_faults),
        ("src/domain/money.rs", "use crate::{domain::ids, outbound::{self, net}};", floor_faults),
        ("src/store/keys.rs", "fn f() { crate::actions::keys::create() }", floor_faults),
        ("src/http/keys.rs", "use crate::jobs;", floor_faults),
        ("src/jobs/plan.rs", "use crate::{http, store};", floor_faults),
        ("src/outbound/providers/smtp.rs", "use crate::store;", floor_faults),
        ("src/unheard/of.rs", "use crate::domain;", floor_faults),
        ("src/actions/keys.rs", "use diesel::prelude::*;", ownership_faults),
        ("src/actions/keys.rs", "fn f() -> ::diesel::QueryResult<()> {}", ownership_faults),
        ("src/actions/keys.rs", "use actix_web::http::StatusCode;", ownership_faults),
        ("src/domain/money.rs", "fn f() { tokio::spawn(async {}); }", ownership_faults),
        ("src/jobs/plan.rs", "async fn f() { reqwest::get(\"\").await; }", ownership_faults),
        ("src/domain/money.rs", "use std::{fmt, time::{Duration, Instant}};", world_faults),
        ("src/domain/money.rs", "fn f() { let now = chrono::Utc::now(); }", world_faults),
    ];
    for (path, text, rule) in planted {
        assert!(!rule(&Source::new(path, text)).is_empty(), "{path}: {text:?} passes");
    }
    let innocent = r##"//! As crate::store does.
        use crate::domain::{ids::Id, money::{self, Money}};
        use super::money::Currency as Of;
        /* diesel::prelude /* tokio::spawn */ reqwest::get */
        fn f<'a>(text: &'a str) -> char { let _ = ("crate::http", r#"use "crate::jobs";"#, '"'); '\'' } // crate::store
        #[cfg(test)]
        mod tests { use super::*; use super::super::ids; fn f() { std::fs::read("x"); crate::words!(); } }"##;
    let source = Source::new("src/domain/ledger.rs", innocent);
    let rules: [Rule; 3] = [floor_faults, ownership_faults, world_faults];
    for rule in rules {
        assert_eq!(rule(&source), Vec::<String>::new());
    }
}

fn assert_none(sources: &[Source], rule: Rule) {
    assert!(sources.len() > 50, "only {} files were read", sources.len());
    let faults: Vec<String> = sources.iter().flat_map(rule).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

fn floor_faults(source: &Source) -> Vec<String> {
    let floor = source.floor();
    if floor == "lib" {
        return Vec::new();
    }
    let Some((_, allowed)) = MAY_NAME.iter().find(|(name, _)| *name == floor) else {
        return vec![format!("{}: no rule says what {floor} may name", source.path)];
    };
    source
        .names()
        .into_iter()
        .filter_map(|named| named.in_crate)
        .filter(|path| path.first().is_some_and(|first| !allowed.contains(&first.as_str())))
        .map(|path| format!("{}: {floor} must not name crate::{}", source.path, path.join("::")))
        .collect()
}

fn ownership_faults(source: &Source) -> Vec<String> {
    let floor = source.floor();
    let foreign = |path: &[String]| {
        ONLY_IN.iter().find(|(name, owners)| {
            let named = if name.starts_with(char::is_uppercase) {
                path.iter().any(|part| part == name)
            } else {
                path.first().is_some_and(|first| first == name)
            };
            named && !owners.contains(&floor.as_str())
        })
    };
    source
        .names()
        .into_iter()
        .filter(|named| !named.in_test)
        .filter_map(|named| foreign(&named.path).map(|(name, owners)| (named.path.join("::"), name, owners)))
        .map(|(path, name, owners)| format!("{}: {floor} names {path}; {name} belongs to {}", source.path, owners.join(", ")))
        .collect()
}

fn world_faults(source: &Source) -> Vec<String> {
    if source.floor() != "domain" {
        return Vec::new();
    }
    source
        .names()
        .into_iter()
        .filter(|named| !named.in_test)
        .map(|named| named.path.join("::"))
        .filter(|path| OUTSIDE_THE_DOMAIN.iter().any(|outside| format!("::{path}::").contains(&format!("::{outside}::"))))
        .map(|path| format!("{}: the domain must not name {path}", source.path))
        .collect()
}

/// A source file.
struct Source {
    path: String,
    text: String,
    is_test: bool,
}

/// A path of two names or more that a file writes.
#[derive(Debug)]
struct Named {
    path: Vec<String>,
    /// The same from the crate's root, if it leads there.
    in_crate: Option<Vec<String>>,
    in_test: bool,
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn all_sources() -> Vec<Source> {
    fn walk(folder: &Path, found: &mut Vec<Source>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
                found.push(Source::new(&name, &fs::read_to_string(&path).unwrap()));
            }
        }
    }
    let mut found = Vec::new();
    walk(&root().join("src"), &mut found);
    let for_tests: Vec<Vec<String>> = found.iter().flat_map(Source::test_modules).collect();
    for source in &mut found {
        let module = source.module();
        source.is_test = for_tests.iter().any(|test| module.starts_with(test));
    }
    found
}

impl Source {
    fn new(path: &str, text: &str) -> Self {
        Self { path: path.to_owned(), text: text.to_owned(), is_test: false }
    }

    /// The module that the file is: `src/http/keys.rs` is `http`, `keys`.
    fn module(&self) -> Vec<String> {
        let inner = self.path.trim_start_matches("src/").trim_end_matches(".rs").trim_end_matches("/mod");
        inner.split('/').map(str::to_owned).collect()
    }

    fn floor(&self) -> String {
        self.module().remove(0)
    }

    /// The modules in files of their own that are there for tests alone.
    fn test_modules(&self) -> Vec<Vec<String>> {
        let marked = code(&self.text).split_whitespace().collect::<Vec<_>>().join(" ");
        let names = marked.split("#[cfg(test)] mod ").skip(1).filter_map(|rest| rest.split([';', '{', ' ']).next());
        names.map(|name| [self.module(), vec![name.to_owned()]].concat()).collect()
    }

    fn names(&self) -> Vec<Named> {
        let tokens = tokens(&code(&self.text));
        let (mut found, mut modules, mut depth, mut at) = (Vec::new(), Vec::<(String, usize)>::new(), 0, 0);
        let part = |at: usize| tokens.get(at).map_or("", String::as_str);
        while at < tokens.len() {
            let mut paths = BTreeSet::new();
            match part(at) {
                "mod" if part(at + 2) == "{" => {
                    modules.push((part(at + 1).to_owned(), depth));
                    depth += 1;
                    at += 3;
                }
                "{" => (depth, at) = (depth + 1, at + 1),
                "}" => {
                    depth -= 1;
                    modules.pop_if(|(_, opened)| *opened == depth);
                    at += 1;
                }
                "use" => at = use_tree(&tokens, at + 1, &[], &mut paths),
                _ => at = plain_path(&tokens, at, &mut paths),
            }
            let inner: Vec<String> = modules.iter().map(|(name, _)| name.clone()).collect();
            found.extend(paths.into_iter().map(|path| self.named(path, &inner)));
        }
        found
    }

    fn named(&self, path: Vec<String>, inner: &[String]) -> Named {
        let mut here: Vec<String> = self.module().into_iter().filter(|part| !matches!(part.as_str(), "lib" | "main")).collect();
        here.extend_from_slice(inner);
        let mut rest = path.as_slice();
        let mut leads_in = true;
        match path.first().map(String::as_str) {
            Some("crate") => {
                here.clear();
                rest = &path[1..];
            }
            Some("self" | "super") => {
                while let Some((first, after)) = rest.split_first().filter(|(first, _)| matches!(first.as_str(), "self" | "super")) {
                    if first == "super" {
                        here.pop();
                    }
                    rest = after;
                }
            }
            _ => leads_in = false,
        }
        here.extend_from_slice(rest);
        Named { path, in_crate: leads_in.then_some(here), in_test: self.is_test || inner.iter().any(|name| name == "tests") }
    }
}

/// Reads one tree of a `use` and says where it ends.
fn use_tree(tokens: &[String], mut at: usize, prefix: &[String], found: &mut BTreeSet<Vec<String>>) -> usize {
    let mut path = prefix.to_vec();
    while let Some(token) = tokens.get(at) {
        match token.as_str() {
            "::" => {}
            "{" => {
                at += 1;
                while tokens.get(at).is_some_and(|token| token != "}") {
                    at = use_tree(tokens, at, &path, found);
                    if tokens.get(at).is_some_and(|token| token == ",") {
                        at += 1;
                    }
                }
                return at + 1;
            }
            "as" => at += 1,
            "self" if !path.is_empty() => {}
            "," | "}" | ";" => break,
            name => path.push(name.to_owned()),
        }
        at += 1;
    }
    found.insert(path);
    at
}

/// Reads `a::b::c` from an expression, a type or an attribute.
fn plain_path(tokens: &[String], mut at: usize, found: &mut BTreeSet<Vec<String>>) -> usize {
    let is_name = |token: &String| token.starts_with(|first: char| first.is_alphabetic() || first == '_');
    if !tokens.get(at).is_some_and(is_name) {
        return at + 1;
    }
    let mut path = vec![tokens[at].clone()];
    at += 1;
    while tokens.get(at).is_some_and(|token| token == "::") && tokens.get(at + 1).is_some_and(is_name) {
        path.push(tokens[at + 1].clone());
        at += 2;
    }
    if path.len() > 1 {
        found.insert(path);
    }
    at
}

fn tokens(code: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut rest = code.chars().peekable();
    while let Some(first) = rest.next() {
        if first.is_alphanumeric() || first == '_' {
            let mut name = String::from(first);
            while let Some(next) = rest.next_if(|next| next.is_alphanumeric() || *next == '_') {
                name.push(next);
            }
            tokens.push(name);
        } else if first == ':' && rest.next_if_eq(&':').is_some() {
            tokens.push("::".to_owned());
        } else if !first.is_whitespace() {
            tokens.push(first.to_string());
        }
    }
    tokens
}

/// The source without what is only said: comments, and the insides of strings and characters.
fn code(source: &str) -> String {
    let mut out = String::new();
    let mut rest = source;
    while let Some(first) = rest.chars().next() {
        let skipped = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            block_comment(rest)
        } else if let Some(length) = raw_string(rest, &out) {
            length
        } else if first == '"' {
            quoted(rest, '"')
        } else if first == '\'' && (rest[1..].starts_with('\\') || rest[1..].chars().nth(1) == Some('\'')) {
            quoted(rest, '\'')
        } else {
            out.push(first);
            rest = &rest[first.len_utf8()..];
            continue;
        };
        out.push(' ');
        rest = &rest[skipped..];
    }
    out
}

fn block_comment(text: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < text.len() {
        match text.as_bytes().get(at..at + 2) {
            Some(b"/*") => (depth, at) = (depth + 1, at + 2),
            Some(b"*/") => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

fn raw_string(text: &str, before: &str) -> Option<usize> {
    if before.ends_with(|last: char| last.is_alphanumeric() || last == '_') && !before.ends_with('b') {
        return None;
    }
    let hashes = text.strip_prefix('r')?.chars().take_while(|&next| next == '#').count();
    let inner = text[1 + hashes..].strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    Some(2 + hashes + inner.find(&end)? + end.len())
}

fn quoted(text: &str, mark: char) -> usize {
    let mut escaped = false;
    for (at, next) in text.char_indices().skip(1) {
        match next {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if next == mark => return at + 1,
            _ => {}
        }
    }
    text.len()
}
