//! The words of a reminder: what a template may say, what it sees, and how it becomes a message.
//!
//! Not here: where templates are stored, who may edit them, or how a message travels.
//!
//! Invariant: content that [`check`] accepts renders with any [`Facts`]. A path that does not exist, an amount printed without its
//! currency or an optional fact printed without asking for it first is a fault on the day of writing, not on the day of sending.

pub mod builtin;
pub mod facts;
pub mod format;
pub mod grammar;
pub mod render;
pub mod sms;
pub mod source;
pub mod variables;

#[cfg(test)]
mod hostile;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{contact::Channel, invalid::Faults, locale::Language};
pub use facts::Facts;
pub use render::{RenderError, Rendered, render};

/// The most SMS segments that a template may need with the sample facts.
pub const MAX_SMS_SEGMENTS: usize = 6;

/// What a template says in one language. Which parts are needed depends on the channel: an e-mail has a subject, a text and perhaps
/// an HTML body; an SMS has `sms`; a call, a visit and a letter have a text, and perhaps a subject as their title.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Content {
    /// The subject of an e-mail, or the title of a call, visit or letter. One line, at most 200 characters once filled in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 1000, example = "Your account with {{ creditor.name }}")]
    pub subject: Option<String>,
    /// The plain text: the body of an e-mail, the script of a call or visit, the body of a letter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 64_000, example = "Dear {{ contact.name }},\n\nYou owe us {{ total | money }}.")]
    pub body_text: Option<String>,
    /// The HTML body of an e-mail, beside the plain text and never instead of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 64_000, example = "<p>Dear {{ contact.name }},</p><p>You owe us {{ total | money }}.</p>")]
    pub body_html: Option<String>,
    /// The text of an SMS, at most six segments with the sample facts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 2000, example = "{{ creditor.name }}: {{ total | money }}, {{ today | date }}")]
    pub sms: Option<String>,
}

impl Content {
    /// Every part there is, with the name of its field.
    pub fn parts(&self) -> impl Iterator<Item = (&'static str, &str)> {
        [("subject", &self.subject), ("body_text", &self.body_text), ("body_html", &self.body_html), ("sms", &self.sms)]
            .into_iter()
            .filter_map(|(name, part)| Some((name, part.as_deref()?)))
    }

    /// The parts that `channel` cannot do without and that are missing or blank.
    fn missing(&self, channel: Channel) -> impl Iterator<Item = &'static str> {
        let needed: &[&'static str] = match channel {
            Channel::Email => &["subject", "body_text"],
            Channel::Sms => &["sms"],
            Channel::Call | Channel::Visit | Channel::Letter => &["body_text"],
        };
        needed.iter().copied().filter(|name| !self.parts().any(|(part, text)| part == *name && !text.trim().is_empty()))
    }
}

/// Checks what a template for `channel` says in one language: the parts that the channel needs, the grammar of every part, and a
/// trial with the fullest and the barest facts of [`facts::samples`].
///
/// # Errors
/// All faults, their pointers relative to the content: `/body_html`.
pub fn check(channel: Channel, language: Language, content: &Content) -> Result<(), Faults> {
    let mut faults = Faults::none();
    for name in content.missing(channel) {
        faults.add(format!("/{name}"), "required", format!("the channel {channel} needs {name}; write it, even if there is HTML"));
    }
    for (name, source) in content.parts() {
        if let Err(part) = grammar::check(source) {
            faults.nest(&format!("/{name}"), part);
        }
    }
    if faults.0.is_empty() {
        for facts in facts::samples(language) {
            rehearse(channel, content, &facts, &mut faults);
        }
    }
    faults.or(())
}

/// Renders with sample facts and notes what would have been wrong with the message.
fn rehearse(channel: Channel, content: &Content, facts: &Facts, faults: &mut Faults) {
    let rendered = match render(channel, content, facts) {
        Ok(rendered) => rendered,
        Err(error) => return faults.add(format!("/{}", error.part()), "cannot_render", error.to_string()),
    };
    let parts: &[(&str, &str)] = match &rendered {
        Rendered::Email { subject, text, .. } => &[("subject", subject), ("body_text", text)],
        Rendered::Sms { text, .. } => &[("sms", text)],
        Rendered::Script { text, .. } => &[("body_text", text)],
    };
    for (name, _) in parts.iter().filter(|(_, text)| text.is_empty()) {
        faults.add(format!("/{name}"), "blank", "says nothing when the optional facts are absent; write words outside the `if`, too");
    }
    if let Rendered::Sms { segments, .. } = rendered
        && segments.segments > MAX_SMS_SEGMENTS
    {
        let detail = format!("takes {} SMS segments with the sample facts; at most {MAX_SMS_SEGMENTS} are sent", segments.segments);
        faults.add("/sms", "too_long", detail);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(channel: Channel, content: &Content) -> Vec<(String, &'static str)> {
        let faults = check(channel, Language::English, content).err().unwrap_or_default();
        faults.0.into_iter().map(|fault| (fault.pointer, fault.code)).collect()
    }

    #[test]
    fn html_never_goes_without_text() {
        let content = Content { subject: Some("Hello".into()), body_html: Some("<p>Hello</p>".into()), ..Content::default() };
        assert_eq!(codes(Channel::Email, &content), [("/body_text".to_owned(), "required")]);
        assert_eq!(codes(Channel::Sms, &content), [("/sms".to_owned(), "required")]);
    }

    #[test]
    fn an_endless_sms_is_refused() {
        let content = Content { sms: Some("word ".repeat(300)), ..Content::default() };
        assert!(codes(Channel::Sms, &content).contains(&("/sms".to_owned(), "too_long")));
    }

    #[test]
    fn a_message_that_may_turn_out_empty_is_refused() {
        let part = Some("{% if deadline %}by {{ deadline | date }}{% endif %}".to_owned());
        let content = Content { subject: part.clone(), body_text: part, ..Content::default() };
        assert_eq!(codes(Channel::Email, &content), [("/subject".to_owned(), "blank"), ("/body_text".to_owned(), "blank")]);
    }

    #[test]
    fn every_part_is_checked_even_those_of_other_channels() {
        let content = Content { sms: Some("{{ nobody }}".into()), body_text: Some("Hello".into()), ..Content::default() };
        assert_eq!(codes(Channel::Call, &content), [("/sms".to_owned(), "unknown_variable")]);
    }
}
