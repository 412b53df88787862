//! What is there to be read: the guides and the two forms of the document.

use relance::http;
use serde_json::Value;

use crate::support::{App, database};

#[actix_web::test]
async fn guides_are_pages_and_texts() {
    let app = App::start(database::sqlite()).await;
    let list = app.get("/docs/guides/", "").await;
    for name in ["first-reminder", "import", "webhook", "bank-file", "dispute", "promise", "go-live"] {
        assert!(list.text.contains(&format!("href=\"{name}\"")), "{name} is not listed");
        let (page, text) = (app.get(&format!("/docs/guides/{name}"), "").await, app.get(&format!("/docs/guides/{name}.md"), "").await);
        assert_eq!((page.status, text.status), (200, 200), "{name}");
        let heading = text.text.lines().next().unwrap().trim_start_matches("# ");
        assert!(page.text.contains(&format!("<h1>{heading}</h1>")), "{name}");
        for elsewhere in ["src=", "@import", "<link"] {
            assert!(!page.text.contains(elsewhere), "{name} brings something from elsewhere: {elsewhere}");
        }
    }
    let absent = app.get("/docs/guides/no-such", "").await;
    assert_eq!((absent.status, absent.body["code"].as_str()), (404, Some("not_found")));
    assert!(app.get("/docs/", "").await.text.contains("swagger"), "the guides hide the reference");
}

#[actix_web::test]
async fn the_document_is_served_in_both_versions() {
    let app = App::start(database::sqlite()).await;
    let parsed = async |path: &str| serde_json::from_str::<Value>(&app.get(path, "").await.text).unwrap();
    assert!(parsed("/openapi.json").await == http::document());
    let older = parsed("/openapi-3.0.json").await;
    assert!(older == http::older(&http::document()));
    assert_eq!(older["openapi"], "3.0.3");
    let operations =
        |document: &Value| document["paths"].as_object().unwrap().values().map(|item| item.as_object().unwrap().len()).sum::<usize>();
    assert_eq!(operations(&older), operations(&http::document()));
}
