//! What Maileva is asked: what became of a letter, and for the documents that prove it.
//!
//! Invariant: nothing here changes anything at Maileva.

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::{
    super::{
        mailing::{is_segment, rfc_3339, text},
        posting::words,
    },
    Maileva, REGISTERED, SIMPLE,
    notices::{self, Announced},
};
use crate::{
    domain::ids::MessageId,
    outbound::{
        About, Found, Proof, Report, Sought, excerpt,
        net::{Answer, MAX_ANSWER_BYTES, Method},
    },
};

/// The longest list and the largest document that are read, in bytes.
const MOST_LISTED: usize = 4_000_000;
const MOST_PROVED: usize = 25_000_000;
/// Sendings on one page of a list, and the most pages that are read.
const PAGE: usize = 500;
const PAGES: usize = 4;

impl Maileva {
    async fn get(&self, path: &str, most: usize, now: DateTime<Utc>) -> Result<Answer, String> {
        match self.call((Method::GET, path), most, now, |request| request).await {
            Ok(answer) => answer.map_err(|why| why.to_string()),
            Err(outcome) => Err(words(&outcome)),
        }
    }

    /// The sending that carries our id, through as many pages as are read at most.
    async fn listed(&self, api: &str, id: &str, now: DateTime<Utc>) -> Result<Option<Value>, String> {
        for page in 0..PAGES {
            let first = page * PAGE + 1;
            let answer = self.get(&format!("{api}/sendings?start_index={first}&count={PAGE}"), MOST_LISTED, now).await?;
            let json = answer.json().filter(|_| answer.status == 200).ok_or_else(|| answer.summary())?;
            let Some(sendings) = json.get("sendings").and_then(Value::as_array) else { return Err(answer.summary()) };
            if let Some(found) = sendings.iter().find(|sending| text(sending, "/custom_id") == Some(id)) {
                return Ok(Some(found.clone()));
            }
            if sendings.len() < PAGE {
                return Ok(None);
            }
        }
        Err(format!("it is not among the {} sendings that were read", PAGE * PAGES))
    }

    pub(super) async fn search(&self, sought: &Sought, now: DateTime<Utc>) -> Found {
        for api in [REGISTERED, SIMPLE] {
            match self.listed(api, &sought.message_id.to_string(), now).await {
                Ok(Some(sending)) => return self.found(api, &sending, sought.message_id, now).await,
                Ok(None) => {}
                Err(why) => return Found::Failed(why),
            }
        }
        Found::Absent
    }

    /// A draft has not been submitted, as far as Maileva knows by now.
    async fn found(&self, api: &str, sending: &Value, message: MessageId, now: DateTime<Utc>) -> Found {
        let (Some(id), Some(status)) = (text(sending, "/id").filter(|id| is_segment(id)), notices::of_sending(sending)) else {
            return Found::Absent;
        };
        let report = |status, at: Option<&str>, raw_name: &str| Report {
            about: About::Message(message),
            status,
            at: rfc_3339(at),
            dedupe: excerpt(&format!("asked:{id}:{raw_name}")),
            raw_name: excerpt(raw_name),
            detail: text(sending, "/status_detail").map(excerpt),
        };
        let mut reports = vec![report(status, None, text(sending, "/status").unwrap_or_default())];
        if api == REGISTERED
            && let Ok(answer) = self.get(&format!("{api}/sendings/{id}/recipients?start_index=1&count=1"), MAX_ANSWER_BYTES, now).await
            && let Some(last) = answer.json().unwrap_or_default().pointer("/recipients/0/last_main_delivery_status")
            && let Some(status) = notices::of_delivery(last)
        {
            reports.push(report(status, text(last, "/date"), text(last, "/code").unwrap_or_default()));
        }
        Found::Taken { provider_id: Some(id.to_owned()), reports }
    }

    /// Fetches a document from where the account's own interface is, whatever address a notification names.
    pub(super) async fn fetch(&self, announced: Announced, now: DateTime<Utc>) -> Result<Option<Proof>, String> {
        let recipient = format!("{REGISTERED}/sendings/{}/recipients/{}", announced.sending, announced.recipient);
        let kind = match announced.kind {
            Some(kind) => kind,
            None => {
                let answer = self.get(&recipient, MAX_ANSWER_BYTES, now).await?;
                let json = answer.json().filter(|_| answer.status == 200).ok_or_else(|| answer.summary())?;
                let Some(kind) = notices::returned(&json) else { return Ok(None) };
                kind
            }
        };
        let answer = self.get(&format!("{recipient}/{}", announced.download), MOST_PROVED, now).await?;
        match &answer.body {
            Some(bytes) if answer.status == 200 && bytes.starts_with(b"%PDF") => {
                let media_type = "application/pdf".parse()?;
                Ok(Some(Proof { about: announced.about, kind, media_type, bytes: bytes.as_slice().into() }))
            }
            Some(_) if answer.status == 200 => Err("the document is no PDF".to_owned()),
            _ => Err(answer.summary()),
        }
    }
}
