//! `/docs/guides`: how to do one thing from beginning to end, as pages and as the Markdown they are written in.
//!
//! The text is that of `docs/` in the repository, built in; `tests/contract/guides.py` does what it says against a running server. Nothing on a
//! page comes from elsewhere.

use std::{collections::BTreeMap, fmt::Write as _, sync::LazyLock};

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{CONTENT_SECURITY_POLICY, X_CONTENT_TYPE_OPTIONS},
    web::{self, ServiceConfig},
};

use super::{
    Problem,
    call::{Answer, request_id},
};

/// One guide.
struct Guide {
    /// Its name in the path.
    name: &'static str,
    /// As it is written.
    text: &'static str,
    /// The operations that it shows how to use, where no other guide does so better: they link to it, and it to them.
    treats: &'static [&'static str],
}

/// In the order in which a newcomer needs them.
const GUIDES: &[Guide] = &[
    Guide {
        name: "first-reminder",
        text: include_str!("../../docs/first-reminder.md"),
        treats: &["createTenant", "createCustomer", "createInvoice", "advanceTestClock", "getTestClock", "listOutbox"],
    },
    Guide {
        name: "import",
        text: include_str!("../../docs/import.md"),
        treats: &["batchCustomers", "batchInvoices", "putImportMapping", "createImport", "getImport", "listImportRows"],
    },
    Guide {
        name: "webhook",
        text: include_str!("../../docs/webhook.md"),
        treats: &[
            "createWebhookEndpoint",
            "testWebhookEndpoint",
            "rotateWebhookSecret",
            "listWebhookDeliveries",
            "redeliverWebhook",
            "replayWebhookEvents",
            "listEvents",
        ],
    },
    Guide {
        name: "accounting",
        text: include_str!("../../docs/accounting.md"),
        treats: &["pushSourceInvoice", "createConnection", "listNotices", "getNotice", "replayNotice", "rotateConnectionUrl"],
    },
    Guide {
        name: "bank-file",
        text: include_str!("../../docs/bank-file.md"),
        treats: &["batchPayments", "createPayment", "proposeAllocations", "allocatePayment", "returnPayment"],
    },
    Guide {
        name: "dispute",
        text: include_str!("../../docs/dispute.md"),
        treats: &["openDispute", "resolveDispute", "createDocument", "listTasks"],
    },
    Guide {
        name: "promise",
        text: include_str!("../../docs/promise.md"),
        treats: &["recordPromise", "getPromise", "withdrawPromise", "explainCustomer"],
    },
    Guide {
        name: "go-live",
        text: include_str!("../../docs/go-live.md"),
        treats: &["createApiKey", "createProviderAccount", "createPolicy", "simulatePolicy", "approveReminder", "createSuppression"],
    },
];

/// The guide that treats an operation, as the document points to it: what it is about, and where it is.
pub fn of_operation(id: &str) -> Option<(&'static str, String)> {
    let guide = GUIDES.iter().find(|guide| guide.treats.contains(&id))?;
    Some((title(guide.text), format!("/docs/guides/{}", guide.name)))
}

/// A link into the reference for each operation that a guide treats, by its name.
fn references() -> &'static BTreeMap<String, String> {
    static LINKS: LazyLock<BTreeMap<String, String>> = LazyLock::new(|| {
        let document = super::document();
        let items = document.get("paths").and_then(serde_json::Value::as_object).into_iter().flat_map(serde_json::Map::values);
        let operations = items.filter_map(serde_json::Value::as_object).flat_map(serde_json::Map::values);
        let link = |operation: &serde_json::Value| {
            let text = |pointer: &str| operation.pointer(pointer).and_then(serde_json::Value::as_str);
            let (id, tag, summary) = (text("/operationId")?, text("/tags/0")?, text("/summary")?);
            Some((id.to_owned(), format!("<a href=\"/docs/#/{tag}/{id}\">{summary}</a>")))
        };
        operations.filter_map(link).filter(|(id, _)| of_operation(id).is_some()).collect()
    });
    &LINKS
}

const STYLE: &str = "body{font:16px/1.55 system-ui,sans-serif;color:#1f2328;background:#fff;max-width:46rem;margin:2rem auto;padding:0 1rem}\
a{color:#0b57d0}pre{background:#f4f5f7;padding:1rem;overflow-x:auto;border-radius:4px;font-size:14px}code{font-family:ui-monospace,monospace;font-size:.92em}\
h1,h2{line-height:1.25}nav{font-size:14px}\
@media(prefers-color-scheme:dark){body{color:#e6e6e6;background:#16181c}a{color:#8ab4f8}pre{background:#22252b}}";

/// Puts the guides on the server. They stand before the reference, which takes whatever else is under `/docs/`.
pub fn register(config: &mut ServiceConfig) {
    config.service(web::redirect("/docs/guides", "/docs/guides/"));
    config.service(web::resource("/docs/guides/").route(web::get().to(|| async { html("Guides", &contents()) })));
    config.service(web::resource("/docs/guides/{name}").route(web::get().to(guide)));
}

async fn guide(request: HttpRequest) -> Answer {
    let asked = request.match_info().get("name").unwrap_or_default();
    let (name, as_written) = asked.strip_suffix(".md").map_or((asked, false), |name| (name, true));
    let Some(guide) = GUIDES.iter().find(|guide| guide.name == name) else {
        return Err(Problem::new("not_found", "no such guide; they are listed at /docs/guides/").of_request(&request_id(&request)));
    };
    Ok(if as_written { plain(guide.text) } else { html(title(guide.text), &(rendered(guide.text) + &further(guide))) })
}

/// Where the reference has what a guide treats.
fn further(guide: &Guide) -> String {
    let links: Vec<&str> = guide.treats.iter().filter_map(|id| references().get(*id).map(String::as_str)).collect();
    format!("<p>In the reference: {}.</p>\n", links.join(", "))
}

/// Its first line, which is its heading.
fn title(text: &str) -> &str {
    text.lines().next().map(|line| line.trim_start_matches("# ")).unwrap_or_default()
}

/// The list of them all, with the other pages for readers.
fn contents() -> String {
    let mut list = String::from("<h1>Guides</h1>\n<ul>\n");
    for Guide { name, text, .. } in GUIDES {
        let _infallible = writeln!(list, "<li><a href=\"{name}\">{}</a> (<a href=\"{name}.md\">Markdown</a>)</li>", title(text));
    }
    list + "</ul>\n<p>The <a href=\"/docs/\">reference</a>, its document in OpenAPI <a href=\"/openapi.json\">3.1</a> and \
        <a href=\"/openapi-3.0.json\">3.0.3</a>, and the <a href=\"/v1/error-codes\">error codes</a>.</p>\n"
}

/// Markdown as a page's content. Links between guides lose their ending: beside each text stands its page.
fn rendered(text: &str) -> String {
    use pulldown_cmark::{Event, Options, Parser, Tag, html::push_html};
    let events = Parser::new_ext(text, Options::ENABLE_TABLES).map(|event| match event {
        Event::Start(Tag::Link { link_type, dest_url, title, id }) => {
            let of_guide = dest_url.strip_suffix(".md").filter(|name| GUIDES.iter().any(|guide| guide.name == *name)).map(str::to_owned);
            Event::Start(Tag::Link { link_type, dest_url: of_guide.map_or(dest_url, Into::into), title, id })
        }
        other => other,
    });
    let mut page = String::with_capacity(text.len().saturating_mul(2));
    push_html(&mut page, events);
    page
}

fn html(title: &str, content: &str) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .insert_header((CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'unsafe-inline'"))
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .body(format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <title>{title} · Relance</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<nav><a href=\"/docs/guides/\">Guides</a> · <a href=\"/docs/\">Reference</a></nav>\n\
             <main>\n{content}</main>\n</body>\n</html>\n"
        ))
}

fn plain(text: &'static str) -> HttpResponse {
    HttpResponse::Ok().content_type("text/markdown; charset=utf-8").insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff")).body(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Nobody forgets to list a guide, and none leads nowhere.
    #[test]
    fn every_guide_is_served_and_its_links_lead_somewhere() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/docs");
        let mut written: Vec<String> =
            std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        let mut served: Vec<String> = GUIDES.iter().map(|guide| format!("{}.md", guide.name)).collect();
        written.sort();
        served.sort();
        assert_eq!(served, written);
        for Guide { name, text, .. } in GUIDES {
            assert!(text.starts_with("# ") && text.lines().count() <= 140, "{name}: a heading, and at most two pages");
            for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
                let known = link.starts_with("https://") || link.starts_with("/docs/") || served.iter().any(|one| one == link);
                assert!(known, "{name} leads to {link}, which is not there");
            }
        }
    }

    /// An operation that a guide treats is named in it by its path, and by the document.
    #[test]
    fn guides_and_reference_lead_to_each_other() {
        let document = crate::http::document();
        let mut treated = std::collections::BTreeSet::new();
        for (path, item) in document["paths"].as_object().unwrap() {
            for operation in item.as_object().unwrap().values() {
                let id = operation["operationId"].as_str().unwrap();
                let expected = of_operation(id).map(|(title, url)| format!("Guide: [{title}]({url})."));
                let said = operation["description"].as_str().unwrap().lines().last().filter(|line| line.starts_with("Guide: "));
                assert_eq!(said, expected.as_deref(), "{id}");
                for guide in GUIDES.iter().filter(|guide| guide.treats.contains(&id)) {
                    assert!(treated.insert(id.to_owned()), "{id} is treated by two guides");
                    assert!(mentions(guide.text, path), "{} does not speak of {path}", guide.name);
                    assert!(further(guide).contains(&format!("/{id}\">")), "{} does not lead to {id}", guide.name);
                }
            }
        }
        assert_eq!(treated.len(), GUIDES.iter().map(|guide| guide.treats.len()).sum::<usize>(), "a guide treats what is no operation");
        assert!(document["info"]["description"].as_str().unwrap().contains("](/docs/guides/)"));
    }

    /// Whether a path stands in a text, with anything in the place of what is to be filled in.
    fn mentions(text: &str, template: &str) -> bool {
        let is_of_path = |letter: char| letter.is_alphanumeric() || "/_-{}$".contains(letter);
        text.split(|letter| !is_of_path(letter)).any(|given| {
            let given = given.strip_prefix("$api").unwrap_or(given);
            let (given, wanted): (Vec<&str>, Vec<&str>) = (given.split('/').collect(), template.split('/').collect());
            given.len() == wanted.len() && given.iter().zip(&wanted).all(|(given, wanted)| given == wanted || wanted.starts_with('{'))
        })
    }

    #[test]
    fn a_page_links_to_pages_and_escapes_what_it_shows() {
        let page = rendered("# A\n\nSee [next](webhook.md), [out](https://x.example/a.md).\n\n```sh\necho '<b>'\n```\n");
        assert!(page.contains("<a href=\"webhook\">next</a>"), "{page}");
        assert!(page.contains("href=\"https://x.example/a.md\""), "{page}");
        assert!(page.contains("&lt;b&gt;") && !page.contains("<b>"), "{page}");
        assert_eq!(title("# A guide\n\nText."), "A guide");
    }
}
