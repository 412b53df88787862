//! Standard Webhooks 1.0.0: signs what we send and checks what we receive.
//!
//! Signatures are made by the specification's own library; the comparison and the time window are ours, because the
//! library reads the machine's clock. Not here: asymmetric (`v1a`) signatures.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use chrono::{DateTime, TimeDelta, Utc};
use standardwebhooks::{HEADER_WEBHOOK_ID, HEADER_WEBHOOK_SIGNATURE, HEADER_WEBHOOK_TIMESTAMP, Webhook};

use crate::outbound::{Inbound, Unverified};

/// How far the time of signing may be from the present, either way.
const TOLERANCE: TimeDelta = TimeDelta::minutes(5);

/// The prefix of a symmetric secret.
const PREFIX: &str = "whsec_";

/// The symmetric secrets of one correspondent, ready to sign: one, or two while the secret is being rotated.
pub struct Signer(Vec<Webhook>);

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Signer(…)")
    }
}

impl Signer {
    /// Reads a secret: `whsec_` and the base64 of 24 to 64 bytes.
    ///
    /// # Errors
    /// A sentence that says what is wrong, without the secret.
    pub fn new(secret: &str) -> Result<Self, String> {
        read(secret).map(|key| Self(vec![key]))
    }

    /// Also signs with, and believes, the secret that came before: for the time of a rotation.
    ///
    /// # Errors
    /// As for [`Signer::new`].
    pub fn and_previous(mut self, secret: &str) -> Result<Self, String> {
        self.0.push(read(secret)?);
        Ok(self)
    }

    /// The three headers of one attempt at `body`. `id` stays the same on every attempt; `now` is this attempt's.
    ///
    /// # Errors
    /// When the body is not UTF-8.
    pub fn headers(&self, id: &str, now: DateTime<Utc>, body: &[u8]) -> Result<[(&'static str, String); 3], String> {
        let signatures = self.signatures(id, now.timestamp(), body).ok_or("only UTF-8 can be signed")?;
        Ok([
            (HEADER_WEBHOOK_ID, id.to_owned()),
            (HEADER_WEBHOOK_TIMESTAMP, now.timestamp().to_string()),
            (HEADER_WEBHOOK_SIGNATURE, signatures.join(" ")),
        ])
    }

    fn signatures(&self, id: &str, stamp: i64, body: &[u8]) -> Option<Vec<String>> {
        self.0.iter().map(|key| key.sign(id, stamp, body).ok()).collect()
    }

    /// Checks a receipt; any of the listed `v1` signatures may be the right one, so that a secret can be rotated.
    ///
    /// # Errors
    /// [`Unverified`].
    pub fn verify(&self, inbound: &Inbound, now: DateTime<Utc>) -> Result<(), Unverified> {
        let id = inbound.header(HEADER_WEBHOOK_ID)?;
        let stamp = inbound.header(HEADER_WEBHOOK_TIMESTAMP)?;
        let signatures = inbound.header(HEADER_WEBHOOK_SIGNATURE)?;
        let malformed = Unverified::Malformed(HEADER_WEBHOOK_TIMESTAMP);
        let stamp: i64 = stamp.parse().map_err(|_| malformed)?;
        let signed_at = DateTime::from_timestamp(stamp, 0).ok_or(malformed)?;
        if (now - signed_at).abs() > TOLERANCE {
            return Err(Unverified::Stale);
        }
        let expected = self.signatures(id, stamp, &inbound.body).ok_or(Unverified::Mismatch)?;
        let equal = |given: &str, ours: &String| verify_slices_are_equal(given.as_bytes(), ours.as_bytes()).is_ok();
        // Every pair is compared, and each whole: no early end tells which one came close.
        let matching = signatures.split(' ').flat_map(|given| expected.iter().map(move |ours| equal(given, ours))).filter(|equal| *equal);
        if matching.count() > 0 { Ok(()) } else { Err(Unverified::Mismatch) }
    }
}

fn read(secret: &str) -> Result<Webhook, String> {
    let wrong = || format!("not a webhook secret; write {PREFIX} and the base64 of 24 to 64 random bytes");
    let encoded = secret.strip_prefix(PREFIX).ok_or_else(wrong)?;
    let key = data_encoding::BASE64.decode(encoded.as_bytes()).map_err(|_| wrong())?;
    if !(24..=64).contains(&key.len()) {
        return Err(wrong());
    }
    Webhook::from_bytes(key).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outbound::bench;

    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    fn inbound(id: &str, stamp: i64, signatures: &str, body: &str) -> Inbound {
        let headers = [("webhook-id", id), ("webhook-timestamp", &stamp.to_string()), ("webhook-signature", signatures)];
        bench::inbound("https://api.example.com/in", &headers, body.as_bytes())
    }

    #[test]
    fn signs_as_the_specification_does() {
        let now = DateTime::from_timestamp(1_614_265_330, 0).unwrap();
        let headers = Signer::new(SECRET).unwrap().headers("msg_p5jXN8AQM9LWM0D4loKWxJek", now, br#"{"test": 2432232314}"#).unwrap();
        assert_eq!(headers[2].1, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        assert_eq!(headers[1].1, "1614265330");
    }

    #[test]
    fn only_an_intact_recent_and_own_signature_passes() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let signer = Signer::new(SECRET).unwrap();
        let good = signer.headers("a", now, b"{}").unwrap()[2].1.clone();
        let stamp = now.timestamp();
        assert_eq!(signer.verify(&inbound("a", stamp, &good, "{}"), now), Ok(()));
        assert_eq!(signer.verify(&inbound("a", stamp, &format!("v1,AAAA {good} v1,"), "{}"), now), Ok(()));
        for (id, body, signature) in
            [("b", "{}", good.as_str()), ("a", "{ }", &good), ("a", "{}", ""), ("a", "{}", "v1,"), ("a", "{}", good.get(..12).unwrap())]
        {
            assert_eq!(signer.verify(&inbound(id, stamp, signature, body), now), Err(Unverified::Mismatch));
        }
        assert_eq!(signer.verify(&inbound("a", stamp, &good, "{}"), now + TimeDelta::seconds(301)), Err(Unverified::Stale));
        assert_eq!(signer.verify(&inbound("a", stamp, &good, "{}"), now - TimeDelta::seconds(301)), Err(Unverified::Stale));
        assert_eq!(signer.verify(&inbound("a", i64::MAX, &good, "{}"), now), Err(Unverified::Malformed("webhook-timestamp")));
        let other = Signer::new("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD").unwrap();
        assert_eq!(other.verify(&inbound("a", stamp, &good, "{}"), now), Err(Unverified::Mismatch));
        let bare = bench::inbound("https://api.example.com/in", &[], b"{}");
        assert_eq!(signer.verify(&bare, now), Err(Unverified::Missing("webhook-id")));
    }

    #[test]
    fn while_a_secret_is_rotated_both_sign_and_both_are_believed() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let old = Signer::new("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD").unwrap();
        let new = Signer::new(SECRET).unwrap();
        let both = Signer::new(SECRET).unwrap().and_previous("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD").unwrap();
        let signed = |by: &Signer| inbound("a", now.timestamp(), &by.headers("a", now, b"{}").unwrap()[2].1, "{}");
        for (signer, verifier) in [(&both, &old), (&both, &new), (&old, &both), (&new, &both)] {
            assert_eq!(verifier.verify(&signed(signer), now), Ok(()));
        }
        assert_eq!(new.verify(&signed(&old), now), Err(Unverified::Mismatch));
    }

    #[test]
    fn agrees_with_the_published_vectors() {
        let Some(vectors) = bench::vectors("standard_webhooks.json") else { return };
        for secret in vectors["secrets_that_must_be_rejected"].as_array().unwrap() {
            assert!(Signer::new(secret.as_str().unwrap()).is_err(), "{secret}");
        }
        let text = |case: &serde_json::Value, key: &str| case[key].as_str().unwrap().to_owned();
        for case in vectors["cases"].as_array().unwrap().iter().filter(|case| case["alg"] == "v1") {
            // We only hand out prefixed secrets, so we only take those.
            let secret = text(case, "secret");
            let secret = if secret.starts_with(PREFIX) { secret } else { format!("{PREFIX}{secret}") };
            let stamp = case["timestamp"].as_i64().unwrap();
            let inbound = inbound(&text(case, "id"), stamp, &text(case, "signature_header"), &text(case, "body"));
            let verdict = Signer::new(&secret).unwrap().verify(&inbound, DateTime::from_timestamp(stamp, 0).unwrap());
            assert_eq!(verdict.is_ok(), case["valid"].as_bool().unwrap(), "{}", case["name"]);
        }
    }
}
