//! A template as it is kept: its channel, and its content by language. And what callers ask for when they write or try one.
//!
//! Not here: versions, and where they are stored. Invariant: a [`Source`] in force has at least one language, and each of its contents
//! passed [`check`].

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Content, builtin, check};
use crate::domain::{contact::Channel, ids::CustomerId, invalid::Faults, locale::Language};

crate::words! {
    /// Whose words are in force.
    pub enum TemplateOrigin {
        /// The product's, as delivered.
        Builtin = "builtin",
        /// The tenant's.
        Own = "own",
    }
}

/// A template: the channel it is written for, and what it says in each language.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// The channel it is written for; it may have the parts that others need, too.
    pub channel: Channel,
    /// What it says.
    pub contents: BTreeMap<Language, Content>,
}

impl Source {
    /// The product's own template of that key.
    pub fn builtin(key: &str) -> Option<Self> {
        let builtin = builtin::find(key)?;
        let contents = Language::ALL.iter().map(|language| (*language, builtin.content(*language))).collect();
        Some(Self { channel: builtin.channel, contents })
    }

    /// The content in the first of `wanted` that there is; else in English; else in the first language there is.
    pub fn in_language(&self, wanted: impl IntoIterator<Item = Language>) -> Option<(Language, &Content)> {
        wanted
            .into_iter()
            .chain([Language::English])
            .find_map(|language| self.contents.get_key_value(&language))
            .or_else(|| self.contents.first_key_value())
            .map(|(language, content)| (*language, content))
    }

    /// Whether it has, in every language, the parts that `channel` needs.
    pub fn serves(&self, channel: Channel) -> bool {
        !self.contents.is_empty() && self.contents.values().all(|content| content.missing(channel).next().is_none())
    }

    /// Everything that is wrong with it, with pointers such as `/contents/fr/body_html`.
    pub fn check(&self) -> Faults {
        let mut faults = Faults::none();
        if self.contents.is_empty() {
            faults.add("/contents", "required", "write it in at least one language");
        }
        for (language, content) in &self.contents {
            if let Err(wrong) = check(self.channel, *language, content) {
                faults.nest(&format!("/contents/{language}"), wrong);
            }
        }
        faults
    }
}

/// Checks the key of a template, which stands in the path.
pub fn check_key(key: &str) -> Faults {
    let shaped = key.len() <= 40
        && key.starts_with(|first: char| first.is_ascii_lowercase())
        && key.bytes().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == b'_');
    if shaped {
        Faults::none()
    } else {
        Faults::one("path", "wrong_format", "a template's key is a small letter, then up to 39 small letters, digits or underscores")
    }
}

/// How a key reads as a title: `first_reminder` is "First reminder".
pub fn title(key: &str) -> String {
    let words = key.replace('_', " ");
    let mut letters = words.chars();
    letters.next().map(|first| first.to_ascii_uppercase().to_string() + letters.as_str()).unwrap_or_default()
}

/// A template's next version.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "First reminder", "channel": "email", "contents": {"en": {"subject": "Your account with {{ creditor.name }}",
    "body_text": "Dear {{ contact.name }},\n\n{{ total | money }} is open."}}}))]
pub struct TemplateDraft {
    /// How people call it.
    #[schema(min_length = 1, max_length = 120)]
    pub name: String,
    /// The channel it is written for.
    pub channel: Channel,
    /// What it says, by language. A draft may still be faulty: activation checks it.
    #[schema(schema_with = by_language)]
    pub contents: BTreeMap<Language, Content>,
}

/// A content for some of the languages.
fn by_language() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
    let languages = Language::ALL.iter().map(|language| language.as_str());
    let key = utoipa::openapi::ObjectBuilder::new().schema_type(utoipa::openapi::Type::String).enum_values(Some(languages)).build();
    utoipa::openapi::ObjectBuilder::new()
        .description(Some("What it says, by language. A draft may still be faulty: activation checks it."))
        .property_names(Some(utoipa::openapi::Schema::Object(key)))
        .additional_properties(Some(utoipa::openapi::Ref::from_schema_name("Content")))
        .max_properties(Some(Language::ALL.len()))
        .into()
}

/// What to show of a template. Without `version` and `content`, the text in force.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"language": "fr"}))]
pub struct PreviewRequest {
    /// In which language; where the template lacks it, the tenant's, English, or the first there is.
    pub language: Language,
    /// On which channel; without it, the one that the template is written for.
    #[serde(default)]
    pub channel: Option<Channel>,
    /// A version of the tenant's, perhaps not in force yet.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 1_000_000)]
    pub version: Option<i32>,
    /// A text that is not saved yet, in `language`.
    #[serde(default)]
    pub content: Option<Content>,
    /// Whose account to fill in; without it, an invented one. Needs the scopes `customers:read` and `invoices:read`.
    #[serde(default)]
    pub customer_id: Option<CustomerId>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_language_wanted_then_english_then_any() {
        let source = |languages: &[Language]| Source {
            channel: Channel::Sms,
            contents: languages.iter().map(|language| (*language, Content::default())).collect(),
        };
        let chosen = |source: &Source, wanted: &[Language]| source.in_language(wanted.iter().copied()).map(|(language, _)| language);
        let both = source(&[Language::French, Language::English]);
        assert_eq!(chosen(&both, &[Language::Dutch, Language::French]), Some(Language::French));
        assert_eq!(chosen(&both, &[Language::Dutch]), Some(Language::English));
        assert_eq!(chosen(&source(&[Language::German]), &[Language::Dutch]), Some(Language::German));
        assert_eq!(chosen(&source(&[]), &[Language::Dutch]), None);
    }

    #[test]
    fn what_ships_serves_every_step_of_the_policies_that_ship() {
        for policy in crate::domain::dunning::builtin::all() {
            for (step, channel, key) in policy.templates() {
                assert!(Source::builtin(key).unwrap().serves(channel), "{}: {step} needs {key} as {channel}", policy.name);
            }
        }
    }

    #[test]
    fn faults_stand_where_they_are() {
        let wrong = Content { sms: Some("{{ nobody }}".to_owned()), ..Content::default() };
        let source = Source { channel: Channel::Sms, contents: [(Language::French, wrong)].into() };
        assert_eq!(source.check().0[0].pointer, "/contents/fr/sms");
        assert_eq!(title("first_reminder"), "First reminder");
        assert!(check_key("first_reminder").0.is_empty() && !check_key("../x").0.is_empty() && !check_key("").0.is_empty());
    }
}
