//! What goes along with an e-mail: documents as attachments as far as they fit, and links to them where they do not.
//!
//! Invariant: a document that was asked for is attached or linked; none is dropped.

use chrono::TimeDelta;

use crate::{
    actions::Act,
    domain::{
        dunning::{
            policy::{Attach, Step},
            reminder::ListedInstalment,
        },
        link::Links,
        locale::Language,
        template::render::Rendered,
    },
    error::{Error, Result},
    store::{self, documents::Document, facts::Loaded},
};

/// The most files of one e-mail.
const MAX_FILES: usize = 5;
/// Their most bytes together: base64 makes seven of five, and mail servers commonly take ten.
const MAX_BYTES: i64 = 5_000_000;
/// How long a link to a document holds.
const LINK_HOLDS: TimeDelta = TimeDelta::days(90);

/// What goes along with one message.
#[derive(Debug, Default)]
pub struct Enclosure {
    /// Attached, with their bytes.
    pub attached: Vec<Document>,
    /// Linked: name and place.
    linked: Vec<(String, String)>,
}

impl Enclosure {
    /// The documents that the step asks for, of the invoices that are listed.
    ///
    /// # Errors
    /// The store's.
    pub fn of(act: &mut Act<'_>, step: &Step, loaded: &Loaded, lines: &[ListedInstalment], links: &Links) -> Result<Self> {
        if !step.attach.contains(&Attach::Invoice) {
            return Ok(Self::default());
        }
        let listed = |id| lines.iter().any(|line| line.instalment_id == id);
        let mut invoices: Vec<_> = loaded.account.instalments.iter().filter(|one| listed(one.id)).map(|one| one.invoice_id).collect();
        invoices.sort_unstable();
        invoices.dedup();
        let documents = store::documents::of_invoices(act.conn, act.tenant, &invoices)?;
        let place = |document: &Document| match &document.url {
            Some(url) => Ok(url.clone()),
            None => links
                .document(document.tenant_id, document.id, act.wall + LINK_HOLDS)
                .ok_or_else(|| Error::internal("a link could not be made")),
        };
        sort(documents, place)
    }

    /// Prints the links at the end of the text.
    pub fn print(&self, rendered: Rendered, language: Language) -> Rendered {
        let Rendered::Email { subject, mut text, html } = rendered else { return rendered };
        if self.linked.is_empty() {
            return Rendered::Email { subject, text, html };
        }
        let title = match language {
            Language::French | Language::English => "Documents",
            Language::Dutch => "Documenten",
            Language::German => "Dokumente",
        };
        let lines = self.linked.iter().map(|(name, place)| format!("\n- {name}: {place}"));
        text.extend([format!("\n\n{title}:")].into_iter().chain(lines));
        let html = html.map(|html| {
            let items = self.linked.iter().map(|(name, place)| format!("<li><a href=\"{}\">{}</a></li>", escaped(place), escaped(name)));
            let list = format!("<p>{title}:</p><ul>{}</ul>", items.collect::<String>());
            match html.rsplit_once("</body>") {
                Some((before, after)) => format!("{before}{list}</body>{after}"),
                None => html + &list,
            }
        });
        Rendered::Email { subject, text, html }
    }
}

/// All attached, if they fit and are kept here; whatever is not attached is linked.
fn sort(documents: Vec<Document>, place: impl Fn(&Document) -> Result<String>) -> Result<Enclosure> {
    let (kept, elsewhere): (Vec<_>, Vec<_>) = documents.into_iter().partition(|document| document.url.is_none());
    let bytes = kept.iter().filter_map(|document| document.size).fold(0_i64, i64::saturating_add);
    let fits = kept.len() <= MAX_FILES && bytes <= MAX_BYTES;
    let (attached, too_much) = if fits { (kept, Vec::new()) } else { (Vec::new(), kept) };
    let linked = too_much.into_iter().chain(elsewhere).map(|document| Ok((document.name.clone(), place(&document)?)));
    Ok(Enclosure { attached, linked: linked.collect::<Result<_>>()? })
}

/// Text as HTML shows it.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;
    use crate::{
        domain::{
            ids::{DocumentId, TenantId},
            ledger::document::MediaType,
        },
        store::Ts,
    };

    fn document(size: Option<i64>) -> Document {
        let tenant = TenantId::new(DateTime::UNIX_EPOCH);
        Document {
            tenant_id: tenant,
            id: DocumentId::new(DateTime::UNIX_EPOCH),
            invoice_id: None,
            customer_id: None,
            name: "F<1>.pdf".to_owned(),
            media_type: MediaType::Pdf,
            size,
            sha256: None,
            url: size.is_none().then(|| "https://files.example/f?a&b".to_owned()),
            file_id: None,
            created_at: Ts(DateTime::UNIX_EPOCH),
        }
    }

    #[test]
    fn every_document_is_attached_or_linked() {
        let sorted = |sizes: &[Option<i64>]| {
            let found =
                sort(sizes.iter().copied().map(document).collect(), |document| Ok(document.url.clone().unwrap_or_else(|| "here".into())))
                    .unwrap();
            (found.attached.len(), found.linked.len())
        };
        assert_eq!(sorted(&[Some(1_000_000); 5]), (5, 0));
        assert_eq!(sorted(&[Some(1); 6]), (0, 6));
        assert_eq!(sorted(&[Some(1_000_000), Some(4_000_001)]), (0, 2));
        assert_eq!(sorted(&[Some(1), None]), (1, 1));
        assert_eq!(sorted(&[]), (0, 0));
    }

    #[test]
    fn links_are_printed_in_the_text_and_inside_the_page() {
        let enclosure = sort(vec![document(None)], |document| Ok(document.url.clone().unwrap())).unwrap();
        let mail = |html: Option<&str>| Rendered::Email { subject: "S".into(), text: "T".into(), html: html.map(str::to_owned) };
        let Rendered::Email { text, html, .. } = enclosure.print(mail(Some("<body>x</body>")), Language::Dutch) else { panic!() };
        assert_eq!(text, "T\n\nDocumenten:\n- F<1>.pdf: https://files.example/f?a&b");
        assert_eq!(
            html.unwrap(),
            "<body>x<p>Documenten:</p><ul><li><a href=\"https://files.example/f?a&amp;b\">F&lt;1&gt;.pdf</a></li></ul></body>"
        );
    }
}
