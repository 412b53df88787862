//! `/v1/unsubscribe/{token}`: where the link in a message leads. The page asks, the button (or the mail program, by RFC 8058) does.
//!
//! Opening the page changes nothing: scanners follow every link. Invariant: what a page shows of a tenant is escaped, and it loads nothing.

use std::sync::LazyLock;

use actix_web::{HttpRequest, HttpResponse, get, http::StatusCode, post, web};
use data_encoding::BASE64;

use super::{
    Problem, State,
    body::read_limited,
    call::{Answer, request_id},
};
use crate::{
    actions::{self, unsubscribe::Subject},
    domain::{
        crypto::sha256,
        ids::{MessageId, TenantId},
        locale::Language,
    },
    store,
};

/// The largest body, in bytes; it is read, and means nothing beyond being there.
const MAX_FORM: usize = 64 * 1024;
const STYLE: &str =
    "body{font:1.1rem/1.5 system-ui,sans-serif;max-width:34rem;margin:15vh auto;padding:0 1rem}button{font:inherit;padding:.5rem 1.2rem}";

/// What a page says, with `{}` for the creditor.
struct Words {
    title: &'static str,
    question: &'static str,
    button: &'static str,
    done: &'static str,
}

const fn words(language: Language) -> Words {
    match language {
        Language::French => Words {
            title: "Se désabonner",
            question: "Ne plus recevoir à cette adresse les messages de {} ? Les sommes dues le restent.",
            button: "Ne plus recevoir ces messages",
            done: "C’est fait : {} n’écrira plus à cette adresse. Les sommes dues le restent.",
        },
        Language::English => Words {
            title: "Unsubscribe",
            question: "Stop receiving messages from {} at this address? What is owed remains owed.",
            button: "Stop these messages",
            done: "Done: {} will no longer write to this address. What is owed remains owed.",
        },
        Language::Dutch => Words {
            title: "Afmelden",
            question: "Geen berichten van {} meer ontvangen op dit adres? Wat verschuldigd is, blijft verschuldigd.",
            button: "Geen berichten meer ontvangen",
            done: "Geregeld: {} schrijft niet meer naar dit adres. Wat verschuldigd is, blijft verschuldigd.",
        },
        Language::German => Words {
            title: "Abmelden",
            question: "Keine Nachrichten von {} mehr an diese Adresse? Was geschuldet ist, bleibt geschuldet.",
            button: "Keine Nachrichten mehr erhalten",
            done: "Erledigt: {} schreibt nicht mehr an diese Adresse. Was geschuldet ist, bleibt geschuldet.",
        },
    }
}

/// Show the unsubscribe page
///
/// For the recipient of a message, in its language. Changes nothing.
#[utoipa::path(operation_id = "showUnsubscribePage", tag = "Reminders", params(("token" = String, Path, description = "From the message", max_length = 200)), responses((status = 200, description = "The page", body = String, content_type = "text/html")), security())]
#[get("/v1/unsubscribe/{token}")]
pub async fn show(request: HttpRequest, state: web::Data<State>) -> Answer {
    let answer = async {
        let (subject, _, _) = read(&request, &state).await?;
        let text = words(subject.language);
        let button = format!(
            "<form method=\"post\"><input type=\"hidden\" name=\"List-Unsubscribe\" value=\"One-Click\"><button>{}</button></form>",
            text.button
        );
        Ok(page(&subject, &text, text.question, &button))
    };
    answer.await.map_err(|problem: Problem| problem.of_request(&request_id(&request)))
}

/// Unsubscribe
///
/// What the page's button does, and mail programs do by themselves (RFC 8058): the address is suppressed on the message's channel, and the creditor told. Doing it again
/// changes nothing.
#[utoipa::path(operation_id = "unsubscribeAddress", tag = "Reminders", params(("token" = String, Path, description = "From the message", max_length = 200)), request_body(content = String, content_type = "application/x-www-form-urlencoded", description = "`List-Unsubscribe=One-Click`; multipart/form-data is taken too"), responses((status = 200, description = "Done: a page that says so", body = String, content_type = "text/html")), security())]
#[post("/v1/unsubscribe/{token}")]
pub async fn unsubscribe(request: HttpRequest, payload: web::Payload, state: web::Data<State>) -> Answer {
    let answer = async {
        read_limited(payload.into_inner(), MAX_FORM).await?;
        let (subject, tenant, message) = read(&request, &state).await?;
        actions::run(&state.db, &state.clock, tenant, actions::RECIPIENT, move |act| actions::unsubscribe::unsubscribe(act, message))
            .await?;
        let text = words(subject.language);
        Ok(page(&subject, &text, text.done, ""))
    };
    answer.await.map_err(|problem: Problem| problem.of_request(&request_id(&request)))
}

async fn read(request: &HttpRequest, state: &State) -> Result<(Subject, TenantId, MessageId), Problem> {
    let token = request.match_info().get("token").unwrap_or_default();
    let (tenant, message) = state.links.read(token).ok_or_else(|| Problem::new("not_found", "no such link"))?;
    let subject = state.db.read(tenant, move |conn: &mut store::Conn| actions::unsubscribe::subject(conn, tenant, message)).await?;
    Ok((subject, tenant, message))
}

/// A page that loads nothing, tells nobody where it was opened, and is found by no search.
fn page(subject: &Subject, words: &Words, sentence: &str, form: &str) -> HttpResponse {
    static POLICY: LazyLock<String> = LazyLock::new(|| {
        let style = BASE64.encode(&sha256(&[STYLE.as_bytes()]));
        format!("default-src 'none'; style-src 'sha256-{style}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
    });
    let (language, title) = (subject.language.as_str(), words.title);
    let sentence = sentence.replace("{}", &escaped(&subject.tenant.name));
    let html = format!(
        "<!doctype html><html lang=\"{language}\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <meta name=\"robots\" content=\"noindex\"><title>{title}</title><style>{STYLE}</style></head><body><h1>{title}</h1><p>{sentence}</p>{form}</body></html>"
    );
    HttpResponse::build(StatusCode::OK)
        .content_type("text/html; charset=utf-8")
        .insert_header(("Content-Security-Policy", POLICY.as_str()))
        .insert_header(("Referrer-Policy", "no-referrer"))
        .insert_header(("X-Robots-Tag", "noindex"))
        .insert_header(("X-Content-Type-Options", "nosniff"))
        .insert_header(("Cache-Control", "no-store"))
        .body(html)
}

/// Text as HTML shows it.
fn escaped(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut html, letter| {
        match letter {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            other => html.push(other),
        }
        html
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_language_names_the_creditor_once() {
        for language in Language::ALL {
            let words = words(*language);
            for sentence in [words.question, words.done] {
                assert_eq!(sentence.matches("{}").count(), 1, "{language}");
            }
        }
        assert_eq!(escaped("<b>R&D's \"x\"</b>"), "&lt;b&gt;R&amp;D&#39;s &quot;x&quot;&lt;/b&gt;");
    }
}
