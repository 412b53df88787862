//! From content and facts to a message.
//!
//! Not here: what content may say. Only content that [`check`](super::check) has accepted belongs here: the grammar is what keeps the
//! engine from building anything large. Invariant: however long the account, rendering ends in bounded time and memory, because the
//! engine has fuel and the output is measured while it is written; and an absent fact is an error, never a blank.

use std::io;

use minijinja::{
    AutoEscape, Environment, Error, ErrorKind, UndefinedBehavior, Value, escape_formatter, filters, syntax::SyntaxConfig, value::Serde,
};

use super::{
    Content, Facts, format,
    format::Style,
    sms::{self, Segments},
};
use crate::domain::{
    contact::Channel,
    locale::Language,
    money::{Currency, Money},
};

/// The longest part of a message, in bytes.
pub const MAX_OUTPUT: usize = 256 * 1024;
/// The longest subject, in characters; a longer one is cut, with an ellipsis.
pub const MAX_SUBJECT: usize = 200;
/// Instructions of the engine, at most ten milliseconds of them. A row of the built-in table takes fifty.
const FUEL: u64 = 40_000;
/// Nested frames of the engine.
const MAX_FRAMES: usize = 64;

/// A message, ready for its channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rendered {
    /// For a mailbox.
    Email {
        /// One line.
        subject: String,
        /// The plain text.
        text: String,
        /// The same in HTML, if the content has it.
        html: Option<String>,
    },
    /// For a telephone.
    Sms {
        /// What is sent.
        text: String,
        /// What it costs.
        segments: Segments,
    },
    /// For a person who calls, visits or posts a letter.
    Script {
        /// Its title, one line.
        title: Option<String>,
        /// What to say, or the letter.
        text: String,
    },
}

/// Why nothing was rendered. The facts themselves are never quoted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    /// The channel needs a part that the content lacks.
    #[error("the content has no {part}")]
    Missing {
        /// The missing field of [`Content`].
        part: &'static str,
    },
    /// The part would be longer than [`MAX_OUTPUT`], or its making would take too long.
    #[error("{part} grows beyond its bounds; it may take 256 KB and a few thousand lines")]
    TooLong {
        /// The field of [`Content`].
        part: &'static str,
    },
    /// The engine refused: a fact is absent, or the source was never checked.
    #[error("line {line}: {reason}")]
    Refused {
        /// The field of [`Content`].
        part: &'static str,
        /// Counted from 1.
        line: usize,
        /// In words.
        reason: String,
    },
}

impl RenderError {
    /// The field of [`Content`] that is at fault.
    pub const fn part(&self) -> &'static str {
        match self {
            Self::Missing { part } | Self::TooLong { part } | Self::Refused { part, .. } => part,
        }
    }
}

/// Content made ready for one channel, language and currency: parsed once, filled in for as many accounts as there are.
#[derive(Debug)]
pub struct Form {
    channel: Channel,
    environment: Environment<'static>,
}

/// Fills in what `channel` needs of `content`, in the language of the facts.
///
/// # Errors
/// A part is missing, too long, or speaks of what is not there; see [`RenderError`].
pub fn render(channel: Channel, content: &Content, facts: &Facts) -> Result<Rendered, RenderError> {
    Form::new(channel, content, facts.language, facts.currency)?.fill(facts)
}

impl Form {
    /// Parses the parts that `channel` has a use for.
    ///
    /// # Errors
    /// A part that the channel needs is missing, or is no template.
    pub fn new(channel: Channel, content: &Content, language: Language, currency: Currency) -> Result<Self, RenderError> {
        let style = if channel == Channel::Sms { Style::Plain } else { Style::Full };
        let mut environment = environment(style, language, currency);
        let parts: &[(&'static str, &Option<String>, bool)] = match channel {
            Channel::Email => {
                &[("subject", &content.subject, true), ("body_text", &content.body_text, true), ("body_html", &content.body_html, false)]
            }
            Channel::Sms => &[("sms", &content.sms, true)],
            Channel::Call | Channel::Visit | Channel::Letter => {
                &[("subject", &content.subject, false), ("body_text", &content.body_text, true)]
            }
        };
        for (part, source, needed) in parts {
            match source {
                Some(source) => environment.add_template_owned(*part, source.clone()).map_err(|error| refused(part, &error))?,
                None if *needed => return Err(RenderError::Missing { part }),
                None => {}
            }
        }
        Ok(Self { channel, environment })
    }

    /// Fills it in; the facts are of this form's language and currency.
    ///
    /// # Errors
    /// A part grows too long, or speaks of what is not there; see [`RenderError`].
    pub fn fill(&self, facts: &Facts) -> Result<Rendered, RenderError> {
        let context = Value::from(Serde(facts));
        let part = |name| self.write(name, &context);
        let needed = |name| part(name)?.ok_or(RenderError::Missing { part: name });
        match self.channel {
            Channel::Email => {
                Ok(Rendered::Email { subject: one_line(&needed("subject")?), text: tidy(&needed("body_text")?), html: part("body_html")? })
            }
            Channel::Sms => {
                let text = tidy(&needed("sms")?);
                let segments = sms::segments(&text);
                Ok(Rendered::Sms { text, segments })
            }
            Channel::Call | Channel::Visit | Channel::Letter => {
                Ok(Rendered::Script { title: part("subject")?.map(|title| one_line(&title)), text: tidy(&needed("body_text")?) })
            }
        }
    }

    /// Fills in one part, if the content has it.
    fn write(&self, part: &'static str, context: &Value) -> Result<Option<String>, RenderError> {
        let Ok(template) = self.environment.get_template(part) else { return Ok(None) };
        let mut output = Bounded { bytes: Vec::new() };
        template.render_captured_to(context.clone(), &mut output).map_err(|error| refused(part, &error))?;
        Ok(Some(String::from_utf8_lossy(&output.bytes).chars().filter(|letter| is_printable(*letter)).collect()))
    }
}

fn refused(part: &'static str, error: &Error) -> RenderError {
    match error.kind() {
        ErrorKind::OutOfFuel | ErrorKind::WriteFailure => RenderError::TooLong { part },
        _ => RenderError::Refused { part, line: error.line().unwrap_or(1), reason: reason(error) },
    }
}

/// The syntax of templates: Jinja's, where a line that holds only a tag leaves no line behind.
pub(super) fn syntax() -> SyntaxConfig {
    SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build().unwrap_or_default()
}

/// What the engine says, without the value it says it of.
fn reason(error: &Error) -> String {
    match error.kind() {
        ErrorKind::UndefinedError => "a fact is used that is not there".to_owned(),
        ErrorKind::SyntaxError => format!("not a template: {}", error.detail().unwrap_or("syntax error")),
        ErrorKind::InvalidOperation => "a fact is used as what it is not".to_owned(),
        kind => kind.to_string(),
    }
}

/// An engine that knows the filters of [`grammar::FILTERS`](super::grammar::FILTERS) and nothing else.
fn environment(style: Style, language: Language, currency: Currency) -> Environment<'static> {
    let mut environment = Environment::empty();
    environment.set_syntax(syntax());
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(FUEL));
    environment.set_recursion_limit(MAX_FRAMES);
    environment.set_auto_escape_callback(|part| if part == "body_html" { AutoEscape::Html } else { AutoEscape::None });
    environment.set_formatter(|out, state, value| {
        if value.is_none() || value.is_undefined() {
            return Err(Error::from(ErrorKind::UndefinedError));
        }
        escape_formatter(out, state, value)
    });
    environment.add_filter("money", move |value: Value| {
        let amount = amount(&value, currency)?;
        Ok::<_, Error>(format::money(amount, language, style))
    });
    environment.add_filter("date", move |value: Value| date(&value).map(|date| format::date(date, language, style)));
    environment.add_filter("upper", filters::upper);
    environment.add_filter("lower", filters::lower);
    environment.add_filter("length", filters::length);
    environment
}

/// An amount of the account; one of another currency is an error of whoever gathered the facts.
fn amount(value: &Value, currency: Currency) -> Result<Money, Error> {
    let is_ours = value.get_attr("currency")?.as_str() == Some(currency.as_str());
    match value.get_attr("minor")?.as_i64() {
        Some(minor) if is_ours => Ok(Money::new(minor, currency)),
        _ => Err(Error::from(ErrorKind::InvalidOperation)),
    }
}

fn date(value: &Value) -> Result<chrono::NaiveDate, Error> {
    let parsed = value.as_str().and_then(|text| text.parse().ok());
    parsed.ok_or_else(|| Error::from(ErrorKind::InvalidOperation))
}

/// Takes bytes until there are too many.
struct Bounded {
    bytes: Vec<u8>,
}

impl io::Write for Bounded {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        if self.bytes.len().saturating_add(piece.len()) > MAX_OUTPUT {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.bytes.extend_from_slice(piece);
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// No control character but the end of a line and the tabulator, and none that turns the writing direction: with those a name could
/// make an amount read backwards.
fn is_printable(letter: char) -> bool {
    match letter {
        '\n' | '\t' => true,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}' => false,
        _ => !letter.is_control(),
    }
}

/// A plain text without trailing spaces and without more than one empty line in a row.
fn tidy(text: &str) -> String {
    let mut tidy = String::with_capacity(text.len());
    for line in text.lines().map(|line| line.trim_end_matches([' ', '\t'])) {
        if !(line.is_empty() && (tidy.is_empty() || tidy.ends_with("\n\n"))) {
            tidy.push_str(line);
            tidy.push('\n');
        }
    }
    tidy.truncate(tidy.trim_end().len());
    tidy
}

/// One line of at most [`MAX_SUBJECT`] characters.
fn one_line(text: &str) -> String {
    let line = text.split(['\n', '\t', ' ']).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    if line.chars().count() <= MAX_SUBJECT {
        return line;
    }
    let mut cut: String = line.chars().take(MAX_SUBJECT - 1).collect();
    cut.push('…');
    cut
}

#[cfg(test)]
mod tests {
    use super::*;

    fn script(source: &str, facts: &Facts) -> Result<String, RenderError> {
        let content = Content { body_text: Some(source.to_owned()), ..Content::default() };
        match render(Channel::Call, &content, facts)? {
            Rendered::Script { text, .. } => Ok(text),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn amounts_and_dates_speak_the_language() {
        let source = "{{ total | money }}, {{ deadline | date }}";
        let said = |language| script(source, &Facts::sample(language)).unwrap();
        assert_eq!(said(Language::French), "1\u{202f}464,50\u{a0}€, 23 mars 2026");
        assert_eq!(said(Language::English), "€1,464.50, 23 March 2026");
    }

    #[test]
    fn an_absent_fact_is_an_error_and_never_a_blank() {
        let bare = Facts::bare(Language::English);
        for source in [
            "{{ deadline | date }}",
            "{{ creditor.email }}",
            "{{ nobody }}",
            "{{ creditor.bank.iban }}",
            "{% for x in nobody %}{% endfor %}",
        ] {
            assert!(matches!(script(source, &bare), Err(RenderError::Refused { .. })), "{source}");
        }
    }

    #[test]
    fn html_is_escaped_and_text_is_not() {
        let mut facts = Facts::sample(Language::English);
        facts.customer.name = "<b>\"A & B\"</b>".to_owned();
        let part = Some("{{ customer.name }}".to_owned());
        let content = Content { subject: part.clone(), body_text: part.clone(), body_html: part, sms: None };
        let Ok(Rendered::Email { subject, text, html }) = render(Channel::Email, &content, &facts) else { panic!() };
        assert_eq!((subject.as_str(), text.as_str()), (facts.customer.name.as_str(), facts.customer.name.as_str()));
        assert_eq!(html.as_deref(), Some("&lt;b&gt;&quot;A &amp; B&quot;&lt;&#x2f;b&gt;"));
    }

    #[test]
    fn a_subject_is_one_line_whatever_the_name() {
        let mut facts = Facts::sample(Language::English);
        facts.customer.name = format!("A\r\nBcc: x@example.com\u{202e}\u{0}{}", "é".repeat(300));
        let part = Some("Hello {{ customer.name }}".to_owned());
        let content = Content { subject: part.clone(), body_text: part, ..Content::default() };
        let Ok(Rendered::Email { subject, text, .. }) = render(Channel::Email, &content, &facts) else { panic!() };
        assert!(subject.starts_with("Hello A Bcc: x@example.comé") && subject.ends_with("é…"), "{subject}");
        assert_eq!(subject.chars().count(), MAX_SUBJECT);
        assert!(!text.contains(['\r', '\0', '\u{202e}']));
    }

    #[test]
    fn lines_that_hold_only_tags_leave_no_line() {
        let source =
            "A\n\n{% if deadline %}\n\nB\n\n{% endif %}\n{% for invoice in invoices %}\n- {{ invoice.number }}\n{% endfor %}\nC  \n";
        assert_eq!(script(source, &Facts::sample(Language::English)).unwrap(), "A\n\nB\n\n- F-2026-0042\n- F-2026-0057\nC");
        assert_eq!(script(source, &Facts::bare(Language::English)).unwrap(), "A\n\n- F-2026-0057\nC");
    }

    #[test]
    fn an_amount_of_another_currency_is_never_printed() {
        let mut facts = Facts::sample(Language::English);
        facts.total = Money::new(100, "GBP".parse().unwrap());
        assert!(matches!(script("{{ total | money }}", &facts), Err(RenderError::Refused { .. })));
        assert!(script("{{ overdue_total | money }}", &facts).is_ok());
    }

    #[test]
    fn output_and_time_are_bounded() {
        let mut facts = Facts::sample(Language::English);
        let line = facts.invoices[0].clone();
        facts.invoices = vec![line; 5_000];
        let long = format!("{{% for i in invoices %}}{}{{% endfor %}}", "x".repeat(100));
        assert_eq!(script(&long, &facts), Err(RenderError::TooLong { part: "body_text" }));
        let slow = format!("{{% for i in invoices %}}{}{{% endfor %}}", "{% if total %}{% endif %}".repeat(1_000));
        assert_eq!(script(&slow, &facts), Err(RenderError::TooLong { part: "body_text" }));
    }

    #[test]
    fn an_sms_is_plain_and_measured() {
        let content = Content { sms: Some("{{ total | money }} {{ deadline | date }}".to_owned()), ..Content::default() };
        let Ok(Rendered::Sms { text, segments }) = render(Channel::Sms, &content, &Facts::sample(Language::French)) else { panic!() };
        assert_eq!(text, "1 464,50 € 23/03/2026");
        assert_eq!((segments.encoding, segments.segments), (sms::Encoding::Gsm7, 1));
    }
}
