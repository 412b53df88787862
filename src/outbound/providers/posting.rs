//! What the services that print and post letters have in common: an access token that is kept while it is good, and addresses that fit on the envelope.
//!
//! Not here: how a token is asked for, and what a service prints. Invariant: nothing of an address is cut to fit; a letter whose address does not fit is refused before
//! anything is sent.

use std::sync::atomic::{AtomicU64, Ordering};

use chrono::{DateTime, Utc};
use reqwest::RequestBuilder;
use tokio::sync::Mutex;

use super::mailing::rejected;
use crate::outbound::{
    Outcome, Postal, Probe,
    net::{Answer, Failure, Net},
    settings::Secret,
};

/// A token and its end, or why there is none.
type Got = Result<(Secret, DateTime<Utc>), Outcome>;

/// An access token, asked for once by whoever needs it first, and shared while it is good.
#[derive(Debug, Default)]
pub(super) struct Token {
    last: Mutex<Option<Got>>,
    asked: AtomicU64,
}

impl Token {
    /// The token; `ask` is called when there is none that is good at `now`.
    ///
    /// # Errors
    /// What `ask` found instead. Whoever waited meanwhile is told the same, and nobody asks once more for each of them.
    pub(super) async fn get<F: Future<Output = Got>>(&self, now: DateTime<Utc>, ask: impl FnOnce() -> F) -> Result<Secret, Outcome> {
        let before = self.asked.load(Ordering::Acquire);
        let mut last = self.last.lock().await;
        match &*last {
            Some(Ok((token, until))) if now < *until => return Ok(token.clone()),
            Some(Err(outcome)) if self.asked.load(Ordering::Acquire) != before => return Err(outcome.clone()),
            _ => {}
        }
        let got = ask().await;
        self.asked.fetch_add(1, Ordering::Release);
        *last = Some(got.clone());
        got.map(|(token, _)| token)
    }

    /// Calls with the token, and once more with another when it is refused: what is answered 401 was not processed. The answer may have `most` bytes.
    ///
    /// # Errors
    /// There is no token.
    pub(super) async fn call<F: Future<Output = Got>>(
        &self,
        (net, most): (&Net, usize),
        now: DateTime<Utc>,
        ask: impl Fn() -> F,
        request: impl Fn(&Secret) -> Result<RequestBuilder, Failure>,
    ) -> Result<Result<Answer, Failure>, Outcome> {
        let mut token = self.get(now, &ask).await?;
        for last in [false, true] {
            let answer = match request(&token) {
                Ok(request) => net.call_for(request, now, most).await,
                Err(why) => Err(why),
            };
            if last || !matches!(answer, Ok(Answer { status: 401, .. })) {
                return Ok(answer);
            }
            self.forget(&token).await;
            token = self.get(now, &ask).await?;
        }
        Err(Outcome::not_sent("no access token was accepted"))
    }

    /// Gives up a token that was refused, unless another has come in its place.
    pub(super) async fn forget(&self, refused: &Secret) {
        let mut last = self.last.lock().await;
        if last.as_ref().is_some_and(|got| got.as_ref().is_ok_and(|(token, _)| token == refused)) {
            *last = None;
        }
    }
}

/// What it means for a letter that no token was given: it has not left, and the account may be at fault.
pub(super) fn no_token(answer: &Result<Answer, Failure>) -> Outcome {
    match answer {
        Ok(answer) if answer.status == 429 => Outcome::NotSent { reason: answer.summary(), retry_after: answer.retry_after },
        Ok(answer) if matches!(answer.status, 300..=499) && answer.status != 408 => {
            rejected(answer.status.to_string(), &format!("no access token: {}", answer.summary()), false, None)
        }
        Ok(answer) => Outcome::not_sent(format!("no access token: {}", answer.summary())),
        Err(Failure::NotSent(why) | Failure::Lost(why)) => Outcome::not_sent(format!("no access token: {why}")),
    }
}

/// What an outcome says, in words.
pub(super) fn words(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Accepted { .. } => "accepted".to_owned(),
        Outcome::Rejected { reason, .. } | Outcome::NotSent { reason, .. } | Outcome::Unknown { reason } => reason.clone(),
    }
}

/// What the account's state is when no token was to be had.
pub(super) fn unprobed(outcome: &Outcome) -> Probe {
    match outcome {
        Outcome::Rejected { reason, .. } => Probe::Refused(reason.clone()),
        other => Probe::Unreachable(words(other)),
    }
}

/// Refuses a letter that cannot be posted as it is.
pub(super) fn unfit(why: &str) -> Outcome {
    rejected("unfit", why, true, None)
}

/// The most that a service prints of an address, in characters.
pub(super) struct Room {
    /// Of the name.
    pub name: usize,
    /// Of the person or department.
    pub attention: usize,
    /// Of a line above the town.
    pub line: usize,
    /// So many lines above the town.
    pub lines: usize,
    /// Of a postal code.
    pub postal_code: usize,
    /// Of a town.
    pub city: usize,
}

impl Room {
    /// Whether `address` fits; `whose` names it in the refusal.
    ///
    /// # Errors
    /// The refusal of one that does not, or that lacks what every service needs.
    pub(super) fn takes(&self, whose: &str, address: &Postal) -> Result<(), Outcome> {
        let short = [("name", Some(&address.name)), ("street", address.lines.first()), ("town", Some(&address.city))];
        if let Some((what, _)) = short.into_iter().find(|(_, line)| line.is_none_or(|line| line.as_str().trim().is_empty())) {
            return Err(unfit(&format!("the {whose} has no {what}")));
        }
        if address.lines.len() > self.lines {
            return Err(unfit(&format!("the {whose} has {} lines above the town; there is room for {}", address.lines.len(), self.lines)));
        }
        let (name, code, city) = (&address.name, &address.postal_code, &address.city);
        let single = [("name", name, self.name), ("postal code", code, self.postal_code), ("town", city, self.city)];
        let several = address.attention.iter().map(|line| ("second name", line, self.attention));
        let several = several.chain(address.lines.iter().map(|line| ("address", line, self.line)));
        for (what, line, most) in single.into_iter().chain(several) {
            let long = line.as_str().chars().count();
            if long > most {
                return Err(unfit(&format!("the {whose}'s {what} has a line of {long} characters; there is room for {most}")));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;
    use crate::{
        domain::delivery::PostalService,
        outbound::{Content, Envelope, Inbound, bench},
    };

    /// A letter within the United States.
    pub fn american(service: PostalService) -> Envelope {
        bench::changed(service, |letter| {
            let postal = |name: &str, attention: Option<&str>, lines: &[&str], city: &str, code: &str| Postal {
                name: name.parse().unwrap(),
                attention: attention.map(|line| line.parse().unwrap()),
                lines: lines.iter().map(|line| line.parse().unwrap()).collect(),
                postal_code: code.parse().unwrap(),
                city: city.parse().unwrap(),
                country: "US".parse().unwrap(),
            };
            letter.to = postal("Durand & Sons", Some("Ann Émile"), &["210 King St", "Suite 6100"], "San Francisco", "94107");
            letter.from = postal("Dupont Inc.", None, &["1 Market Sq"], "New York", "10007-1000");
        })
    }

    /// The parts of a form with files: each with its name, its head and its value.
    pub fn parts(request: &Inbound) -> Vec<(String, String, Vec<u8>)> {
        let find = |bytes: &[u8], what: &[u8]| bytes.windows(what.len()).position(|window| window == what);
        let boundary = request.body[..find(&request.body, b"\r\n").unwrap()].to_vec();
        let mut rest = &request.body[boundary.len()..];
        let mut parts = Vec::new();
        while let Some(end) = find(rest, &boundary) {
            let part = &rest[2..end - 2];
            let split = find(part, b"\r\n\r\n").unwrap();
            let head = String::from_utf8(part[..split].to_vec()).unwrap();
            let name = head.split_once("; name=\"").unwrap().1.split_once('"').unwrap().0.to_owned();
            parts.push((name, head, part[split + 4..].to_vec()));
            rest = &rest[end + boundary.len()..];
        }
        parts
    }

    const AT: DateTime<Utc> = DateTime::UNIX_EPOCH;

    fn got(token: &str, until: DateTime<Utc>) -> Got {
        Ok((Secret::new(token), until))
    }

    async fn unasked() -> Got {
        panic!("one is kept")
    }

    #[tokio::test]
    async fn a_token_is_asked_for_once_and_again_when_it_has_ended_or_was_refused() {
        let token = Token::default();
        let until = AT + chrono::TimeDelta::hours(1);
        assert_eq!(token.get(AT, || async { got("a", until) }).await, Ok(Secret::new("a")));
        assert_eq!(token.get(AT, unasked).await, Ok(Secret::new("a")));
        assert_eq!(token.get(until, || async { got("b", until) }).await, Ok(Secret::new("b")));
        token.forget(&Secret::new("a")).await;
        assert_eq!(token.get(AT, unasked).await, Ok(Secret::new("b")));
        token.forget(&Secret::new("b")).await;
        assert_eq!(token.get(AT, || async { got("c", until) }).await, Ok(Secret::new("c")));
    }

    #[tokio::test]
    async fn whoever_waits_shares_the_token_and_the_failure() {
        for failing in [false, true] {
            let (token, calls) = (Token::default(), &AtomicUsize::new(0));
            let ask = || async move {
                calls.fetch_add(1, Ordering::SeqCst);
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                if failing { Err(Outcome::not_sent("down")) } else { got("a", AT + chrono::TimeDelta::hours(1)) }
            };
            let all = futures_util::future::join_all((0..20).map(|_| token.get(AT, ask))).await;
            assert_eq!(calls.load(Ordering::SeqCst), 1, "failing: {failing}");
            assert!(all.iter().all(|one| one.is_err() == failing));
            let _ = token.get(AT, ask).await;
            assert_eq!(calls.load(Ordering::SeqCst), if failing { 2 } else { 1 }, "a failure is not kept");
        }
    }

    #[test]
    fn an_address_fits_or_is_refused_in_words_that_do_not_repeat_it() {
        let room = Room { name: 13, attention: 13, line: 18, lines: 2, postal_code: 5, city: 5 };
        let refused = |change: fn(&mut Postal)| {
            let envelope = bench::changed(PostalService::Simple, |letter| change(&mut letter.to));
            let Content::Letter(letter) = envelope.content else { panic!() };
            room.takes("recipient", &letter.to).err().map(|outcome| {
                assert!(matches!(outcome, Outcome::Rejected { permanent: true, .. }));
                words(&outcome)
            })
        };
        assert_eq!(refused(|_| ()), None);
        let said = |change| refused(change).unwrap();
        assert_eq!(said(|to| to.lines.push("x".parse().unwrap())), "the recipient has 3 lines above the town; there is room for 2");
        assert_eq!(said(|to| to.lines.clear()), "the recipient has no street");
        assert_eq!(said(|to| to.name = " ".parse().unwrap()), "the recipient has no name");
        assert_eq!(
            said(|to| to.name = "Durand & Filsé".parse().unwrap()),
            "the recipient's name has a line of 14 characters; there is room for 13"
        );
        let long: fn(&mut Postal) = |to| to.attention = Some("Ann Émile Durand".parse().unwrap());
        assert!(said(long).contains("second name"));
        assert!(said(|to| to.postal_code = "750111".parse().unwrap()).contains("postal code"));
        assert!(said(|to| to.city = "Lisieux".parse().unwrap()).contains("town"));
        assert!(said(|to| to.lines[1] = "Bâtiment B, escalier 2".parse().unwrap()).contains("address"));
    }
}
