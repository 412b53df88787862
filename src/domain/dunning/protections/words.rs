//! What the texts of a policy for consumers must say and must not.
//!
//! A policy without places in its scope is held to the words of the creditor's own place: what Quebec forbids to say is no concern of a creditor in Lyon until
//! it names Quebec. Not here: grammar. A text is read as it was written: what stands in an `if` counts as said.

use crate::domain::{
    contact::Channel,
    dunning::policy::{Policy, Step},
    invalid::Faults,
    locale::Jurisdiction,
    template::{Content, grammar, source::Source},
};

use super::{
    Demand::{Says, Unsaid},
    before_firmness, demanded, detail,
};

/// The protections that the texts of a policy break, with pointers to its steps. `home` is where the creditor is; `text` finds a template by key; one that there is not breaks nothing.
pub fn unlawful_texts<'s>(policy: &Policy, home: &Jurisdiction, text: impl Fn(&str) -> Option<&'s Source>) -> Faults {
    let mut faults = Faults::none();
    let places = &policy.scope.jurisdictions;
    let places = if places.is_empty() { std::slice::from_ref(home) } else { places };
    for protection in demanded(policy).filter(|protection| protection.meets(places)) {
        match protection.demand {
            Says(variables) => {
                let Some((place, first)) = before_firmness(policy) else { continue };
                let Some(source) = text(&first.template) else { continue };
                for (language, content) in &source.contents {
                    let missing = unsaid(first, content, variables);
                    if !missing.is_empty() {
                        let what = format!("in {language} {:?} lacks {}: {}", first.template, missing.join(", "), detail(protection));
                        faults.add(format!("/steps/{place}/template"), protection.name, what);
                    }
                }
            }
            Unsaid(words) => {
                for (place, key) in texts_of(policy) {
                    let Some(source) = text(key) else { continue };
                    for (language, content) in &source.contents {
                        if let Some(word) = said(content, words) {
                            let what = format!("in {language} {key:?} says {word:?}: {}", detail(protection));
                            faults.add(place.clone(), protection.name, what);
                        }
                    }
                }
            }
            _ => {}
        }
    }
    faults
}

/// The same for one text that is about to replace another, with pointers into it.
pub fn unlawful_text(policy: &Policy, home: &Jurisdiction, key: &str, source: &Source) -> Faults {
    let mut faults = unlawful_texts(policy, home, |wanted| (wanted == key).then_some(source));
    for fault in &mut faults.0 {
        "/contents".clone_into(&mut fault.pointer);
        fault.detail = format!("policy {:?}: {}", policy.name, fault.detail);
    }
    faults
}

/// Where each text of a policy is named.
fn texts_of(policy: &Policy) -> impl Iterator<Item = (String, &str)> {
    let rungs = policy.steps.iter().enumerate().map(|(n, step)| (format!("/steps/{n}/template"), step.template.as_str()));
    let broken = [("/on_broken_promise/template", &policy.on_broken_promise), ("/on_broken_plan/template", &policy.on_broken_plan)];
    rungs.chain(broken.into_iter().filter_map(|(place, step)| Some((place.to_owned(), step.as_ref()?.template.as_str()))))
}

/// The variables that the step's words do not use.
fn unsaid(step: &Step, content: &Content, variables: &'static [&'static str]) -> Vec<&'static str> {
    let part = if step.channel == Channel::Sms { &content.sms } else { &content.body_text };
    let used = part.as_deref().and_then(|part| grammar::check(part).ok()).unwrap_or_default();
    variables.iter().copied().filter(|name| !used.contains(*name)).collect()
}

/// The first of `words` that some part says.
fn said(content: &Content, words: &'static [&'static str]) -> Option<&'static str> {
    content.parts().find_map(|(_, part)| {
        let part = part.to_lowercase().replace('’', "'");
        words.iter().copied().find(|word| part.contains(word))
    })
}
