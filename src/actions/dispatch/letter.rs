//! A letter: its words on paper, from whom to whom, how it is posted; and its pages, kept beside the message.
//!
//! Invariant: what was handed over can be shown: the pages of every hand-over are kept by their digest, which is the message's content digest.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::Claimed;
use crate::{
    actions::{Act, papers},
    domain::{
        calendar::local,
        delivery::{PaperKind, PostalService},
        dunning::policy::Step,
        ids::ContactId,
        ledger::document::MediaType,
        letter::{self, Letter, Unprintable},
        locale::Language,
        post::Way,
        template::render::Rendered,
    },
    error::Result,
    store::{facts::Loaded, tenants::Tenant},
};

/// A letter, ready to be handed over.
#[derive(Clone)]
pub struct Posted {
    /// From whom, and to whom: the creditor's place and the customer's.
    pub way: Way,
    /// The customer's name.
    pub name: String,
    /// The person written to at a customer of another name.
    pub attention: Option<String>,
    /// How it is posted.
    pub service: PostalService,
    /// The pages.
    pub pdf: Arc<[u8]>,
}

/// What is written to debtors never reaches logs.
impl std::fmt::Debug for Posted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Posted(…)")
    }
}

/// Where a customer's letters go, on one line; nowhere if a person posts them.
pub fn address(loaded: &Loaded) -> Option<String> {
    let way = loaded.account.customer.post.way()?;
    Some(format!("{}, {}", loaded.name, way.to.on_one_line()))
}

/// What a letter is printed for.
#[derive(Clone, Copy)]
pub struct Occasion<'a> {
    /// Who writes.
    pub tenant: &'a Tenant,
    /// To whom.
    pub loaded: &'a Loaded,
    /// To which person there.
    pub contact: Option<ContactId>,
    /// Which step.
    pub step: &'a Step,
    /// Of the words.
    pub language: Language,
    /// The tenant's present.
    pub now: DateTime<Utc>,
}

impl Occasion<'_> {
    /// Prints the words; `None` where a person posts letters to this customer.
    ///
    /// # Errors
    /// What cannot be printed.
    pub fn print(&self, words: &Rendered) -> std::result::Result<Option<Posted>, Unprintable> {
        let (Some(way), Rendered::Script { title, text }) = (self.loaded.account.customer.post.way(), words) else { return Ok(None) };
        let name = &self.loaded.name;
        let attention = self.contact.and_then(|id| self.loaded.contact_names.get(&id)).filter(|person| *person != name);
        let service = self.step.postal_service();
        let pdf = letter::print(&Letter {
            creditor: &self.tenant.name,
            letterhead: &self.tenant.settings.letterhead,
            from: &way.from,
            name,
            attention: attention.map(String::as_str),
            to: &way.to,
            service,
            date: local::date(self.tenant.zone(), self.now),
            language: self.language,
            reference: self.loaded.number.as_deref(),
            subject: title.as_deref(),
            text,
        })?;
        Ok(Some(Posted { way: way.clone(), name: name.clone(), attention: attention.cloned(), service, pdf: pdf.into() }))
    }
}

/// Keeps the pages of letters that are about to be handed over.
pub fn keep(act: &mut Act<'_>, claimed: &[Claimed]) -> Result<()> {
    for one in claimed {
        if let Some(letter) = &one.letter {
            papers::keep(act, &one.message, PaperKind::Letter, MediaType::Pdf, &letter.pdf)?;
        }
    }
    Ok(())
}
