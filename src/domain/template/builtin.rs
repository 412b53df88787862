//! The texts that ship with the product: fifteen templates, each in four languages, ready to send unchanged.
//!
//! A file of `templates/<language>/` holds the words of one template, once: plain paragraphs under a line `subject:`. Its text and its
//! HTML are composed from it here, so the two can never say different things. `[[name]]` stands for a line of `labels.txt` or for a
//! block of `templates/shared/`; a paragraph of lines in `- ` is a list, and `# ` makes a title. What results is ordinary [`Content`],
//! which a tenant may copy and edit.
//!
//! Invariant (tests keep it): every text passes [`check`](super::check), and says the same things in each language.

use super::Content;
use crate::domain::{contact::Channel, locale::Language};

/// One file of each language, in the order of `pick`.
macro_rules! in_each_language {
    ($file:literal) => {
        [
            include_str!(concat!("../../../templates/fr/", $file, ".txt")),
            include_str!(concat!("../../../templates/en/", $file, ".txt")),
            include_str!(concat!("../../../templates/nl/", $file, ".txt")),
            include_str!(concat!("../../../templates/de/", $file, ".txt")),
        ]
    };
}

/// A template of the product.
#[derive(Debug, Clone, Copy)]
pub struct Builtin {
    /// How a policy's step names it.
    pub key: &'static str,
    /// The channel it is written for.
    pub channel: Channel,
    sources: [&'static str; 4],
}

macro_rules! builtins {
    ($($key:literal $channel:ident),+ $(,)?) => {
        /// Every built-in template.
        pub const BUILTINS: &[Builtin] =
            &[$(Builtin { key: $key, channel: Channel::$channel, sources: in_each_language!($key) }),+];
    };
}
builtins! {
    "upcoming" Email,
    "first_reminder" Email,
    "second_reminder" Email,
    "last_reminder" Email,
    "formal_notice" Email,
    "consumer_notice" Email,
    "statement" Email,
    "broken_promise" Email,
    "plan_broken" Email,
    "sms_reminder" Sms,
    "letter_reminder" Letter,
    "call_upcoming" Call,
    "call_courtesy" Call,
    "call_firm" Call,
    "handover_review" Call,
}

const LABELS: [&str; 4] = in_each_language!("labels");

/// Blocks that are the same in each language but for their labels: name, text, HTML.
const BLOCKS: &[(&str, &str, &str)] = &[
    ("interest", include_str!("../../../templates/shared/interest.txt"), include_str!("../../../templates/shared/interest.html")),
    ("invoices", include_str!("../../../templates/shared/invoices.txt"), include_str!("../../../templates/shared/invoices.html")),
    ("numbers", include_str!("../../../templates/shared/numbers.txt"), include_str!("../../../templates/shared/numbers.txt")),
    ("parties", include_str!("../../../templates/shared/parties.txt"), include_str!("../../../templates/shared/parties.html")),
    ("payment", include_str!("../../../templates/shared/payment.txt"), include_str!("../../../templates/shared/payment.html")),
    ("sender", include_str!("../../../templates/shared/sender.txt"), include_str!("../../../templates/shared/sender.html")),
    ("signature", include_str!("../../../templates/shared/signature.txt"), include_str!("../../../templates/shared/signature.html")),
    (
        "upcoming_invoices",
        include_str!("../../../templates/shared/upcoming_invoices.txt"),
        include_str!("../../../templates/shared/upcoming_invoices.html"),
    ),
];
const LAYOUT: &str = include_str!("../../../templates/shared/layout.html");

/// The built-in template of that key.
pub fn find(key: &str) -> Option<&'static Builtin> {
    BUILTINS.iter().find(|builtin| builtin.key == key)
}

impl Builtin {
    /// What it says in `language`.
    pub fn content(&self, language: Language) -> Content {
        let source = pick(&self.sources, language).trim_end();
        if self.channel == Channel::Sms {
            // With a subject the same words can go by e-mail, where a policy falls back to it.
            let words = Some(source.to_owned());
            return Content { subject: Some("{{ creditor.name }}".to_owned()), body_text: words.clone(), sms: words, body_html: None };
        }
        let (subject, body) = source.split_once("\n\n").unwrap_or(("", source));
        let subject = subject.strip_prefix("subject: ").unwrap_or(subject);
        Content {
            subject: Some(fill(subject, language, Form::Text)),
            body_text: Some(fill(body.replace("\n\n# ", "\n\n").trim_start_matches("# "), language, Form::Text)),
            body_html: (self.channel == Channel::Email).then(|| {
                let paragraphs: Vec<String> = body.split("\n\n").map(paragraph).collect();
                fill(&LAYOUT.replace("[[body]]", &paragraphs.join("\n")), language, Form::Html)
            }),
            sms: None,
        }
    }
}

fn pick(texts: &[&'static str; 4], language: Language) -> &'static str {
    let [french, english, dutch, german] = *texts;
    match language {
        Language::French => french,
        Language::English => english,
        Language::Dutch => dutch,
        Language::German => german,
    }
}

/// Which body is composed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Text,
    Html,
}

/// Puts labels and blocks where `[[name]]` stands.
fn fill(source: &str, language: Language, form: Form) -> String {
    let mut pieces = source.split("[[");
    let mut filled = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (name, rest) = piece.split_once("]]").unwrap_or((piece, ""));
        filled.push_str(&named(name, language, form));
        filled.push_str(rest);
    }
    filled
}

/// What `[[name]]` stands for; a test sees to it that every name is known.
fn named(name: &str, language: Language, form: Form) -> String {
    if let Some((_, text, html)) = BLOCKS.iter().find(|(block, ..)| *block == name) {
        let block = if form == Form::Html { html } else { text };
        return fill(block.trim_end(), language, form);
    }
    let labels = pick(&LABELS, language).lines().filter_map(|line| line.split_once(" = "));
    labels.into_iter().find(|(label, _)| *label == name).map_or_else(|| format!("[[{name}]]"), |(_, text)| text.to_owned())
}

/// One paragraph in HTML. The words hold nothing to escape; a test sees to that.
fn paragraph(words: &str) -> String {
    let is_block = words.starts_with("[[") && words.ends_with("]]") && !words.contains(' ');
    let is_tag = words.starts_with("{%") && words.ends_with("%}") && words.matches("%}").count() == 1;
    if is_block || is_tag {
        return words.to_owned();
    }
    if let Some(title) = words.strip_prefix("# ") {
        return format!(r#"<h1 style="margin:0 0 16px 0;font-size:20px;line-height:28px">{title}</h1>"#);
    }
    if words.lines().all(|line| line.starts_with("- ")) {
        let items: String = words.lines().map(|line| format!("<li>{}</li>\n", line.trim_start_matches("- "))).collect();
        return format!("<ul style=\"margin:0 0 16px 0;padding:0 0 0 24px\">\n{items}</ul>");
    }
    format!(r#"<p style="margin:0 0 16px 0">{words}</p>"#)
}

#[cfg(test)]
mod tests;
