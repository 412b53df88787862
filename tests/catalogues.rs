//! What is listed by name is listed once and explained: the codes of errors, the shapes of the document, the operations of the guides.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use relance::http::{self, codes};
use serde_json::json;

use crate::support::{App, database};

/// The source, file by file, without its unit tests.
fn sources() -> Vec<(String, String)> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut found, mut folders) = (Vec::new(), vec![root.clone()]);
    while let Some(folder) = folders.pop() {
        for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            let shown = path.strip_prefix(&root).unwrap().display().to_string();
            found.push((shown, text.split("#[cfg(test)]").next().unwrap_or_default().to_owned()));
        }
    }
    found
}

/// Every code the source names is in the catalogue, and every code in the catalogue has a page behind `type` that says what leads to it and what to do.
#[actix_web::test]
async fn every_code_has_its_page_with_a_cause_and_a_cure() {
    let app = App::start(database::sqlite()).await;
    let known: BTreeMap<&str, u16> = codes().map(|one| (one.code, one.status)).collect();
    assert_eq!(known.len(), codes().count(), "a code is listed twice");
    assert!(codes().is_sorted_by_key(|one| one.status), "the catalogue is read by status");
    let mut said = BTreeSet::new();
    for one in codes() {
        let page = app.get(&format!("/v1/error-codes/{}", one.code), "").await.expect(200);
        let expected = json!({"code": one.code, "status": one.status, "title": one.title, "cause": one.cause, "cure": one.cure});
        assert_eq!(page, expected);
        assert!(!one.title.ends_with('.') && one.title.len() >= 8, "{}: a title is no sentence", one.code);
        for sentence in [one.cause, one.cure] {
            assert!(sentence.ends_with('.') && (10..=500).contains(&sentence.len()), "{}: {sentence:?} is no sentence", one.code);
        }
        assert!(one.cause.len() >= 40, "{}: the cause says too little", one.code);
        assert!(
            !one.cause.contains(one.title) && one.cause != one.cure,
            "{}: the cause says no more than what is said beside it",
            one.code
        );
        assert!(said.insert(one.cause), "{}: its cause is another code's, too", one.code);
    }
    for (file, code) in named_codes() {
        assert!(known.contains_key(code.as_str()), "{file} answers {code:?}, which is not in the catalogue");
    }
    let listed = app.get("/v1/error-codes", "").await.expect(200);
    assert_eq!(listed["data"].as_array().unwrap().len(), known.len());
}

/// The codes that the source answers with, each with the file that names it.
fn named_codes() -> Vec<(String, String)> {
    let mut found = Vec::new();
    for (file, text) in sources() {
        let source: String = text.split_whitespace().collect();
        for mark in ["Problem::new(\"", "Conflict{code:\"", "Error::conflict(\""] {
            let codes = source.split(mark).skip(1).filter_map(|rest| rest.split('"').next());
            found.extend(codes.map(|code| (file.clone(), code.to_owned())));
        }
        // There the code comes second.
        let codes = source.split("Error::conflict_with(").skip(1).filter_map(|rest| rest.split('"').nth(1));
        found.extend(codes.map(|code| (file.clone(), code.to_owned())));
    }
    assert!(found.len() > 50, "the codes were not found in the source");
    found
}

/// Of two shapes of one name the document would keep one, and say nothing.
#[test]
fn no_two_shapes_have_one_name() {
    let document = http::document();
    let published = document["components"]["schemas"].as_object().unwrap();
    let mut places = BTreeMap::<String, Vec<String>>::new();
    for (file, text) in sources() {
        for name in shapes(&text) {
            places.entry(name).or_default().push(file.clone());
        }
    }
    assert!(published.len() > 200 && places.len() > 300, "the shapes were not found: {}", places.len());
    // The adapters' shapes stand inside `ProviderSettings` and `Credentials`, and the configuration's words are in no document.
    let is_apart = |file: &String| (file.starts_with("outbound/") && file != "outbound/registry.rs") || file == "config.rs";
    let twice: Vec<String> = places
        .into_iter()
        .map(|(name, files)| (name, files.into_iter().filter(|file| !is_apart(file)).collect::<Vec<_>>()))
        .filter(|(name, files)| files.len() > 1 && published.contains_key(name))
        .map(|(name, files)| format!("{name} is declared in {}: give one of them another name, by #[schema(as = …)]", files.join(" and ")))
        .collect();
    assert!(twice.is_empty(), "{}", twice.join("\n"));
}

#[test]
fn a_shape_is_found_by_the_name_that_it_is_published_under() {
    let text = "/// One.\n#[derive(Debug, ToSchema)]\n#[schema(as = Other, example = json!({\"a\": 1}))]\npub struct Own {\n    x: u8,\n}\n\
        #[derive(ToSchema)]\npub struct Page<T> {}\n#[derive(Debug)]\npub struct Silent;\ncrate::words! {\n    /// Two.\n    pub enum Word { A = \"a\" }\n}\n\
        impl utoipa::ToSchema for ByHand {}\n";
    assert_eq!(shapes(text), ["Other", "Page", "Word", "ByHand"]);
}

/// The names under which a file declares schemas: by derive, with or without another name; as a vocabulary; by hand.
fn shapes(text: &str) -> Vec<String> {
    let name_in = |rest: &str| rest.chars().take_while(|letter| letter.is_alphanumeric() || *letter == '_').collect::<String>();
    let declared = |rest: &str| {
        let at = ["struct ", "enum "].iter().filter_map(|word| Some(rest.find(word)? + word.len())).min()?;
        Some((name_in(&rest[at..]), rest[..at].to_owned()))
    };
    let mut found = Vec::new();
    for rest in text.split("#[derive(").skip(1) {
        let Some((list, after)) = rest.split_once(")]") else { continue };
        if list.split(',').any(|one| one.trim().ends_with("ToSchema"))
            && let Some((name, between)) = declared(after)
        {
            let renamed = between.split_once("#[schema(as = ").map(|(_, rest)| name_in(rest));
            found.push(renamed.unwrap_or(name));
        }
    }
    found.extend(text.split("words! {").skip(1).filter_map(declared).map(|(name, _)| name));
    found.extend(text.split("ToSchema for ").skip(1).map(name_in).filter(|name| !name.is_empty()));
    found
}
