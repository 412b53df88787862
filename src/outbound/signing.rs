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

/// A symmetric secret, ready to sign.
pub struct Signer(Webhook);

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
        let wrong = || format!("not a webhook secret; write {PREFIX} and the base64 of 24 to 64 random bytes");
        let encoded = secret.strip_prefix(PREFIX).ok_or_else(wrong)?;
        let key = data_encoding::BASE64.decode(encoded.as_bytes()).map_err(|_| wrong())?;
        if !(24..=64).contains(&key.len()) {
            return Err(wrong());
        }
        Webhook::from_bytes(key).map(Self).map_err(|_| wrong())
    }

    /// The three headers of one attempt at `body`. `id` stays the same on every attempt; `now` is this attempt's.
    ///
    /// # Errors
    /// When the body is not UTF-8.
    pub fn headers(&self, id: &str, now: DateTime<Utc>, body: &[u8]) -> Result<[(&'static str, String); 3], String> {
        let signature = self.0.sign(id, now.timestamp(), body).map_err(|error| error.to_string())?;
        Ok([
            (HEADER_WEBHOOK_ID, id.to_owned()),
            (HEADER_WEBHOOK_TIMESTAMP, now.timestamp().to_string()),
            (HEADER_WEBHOOK_SIGNATURE, signature),
        ])
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
        let expected = self.0.sign(id, stamp, &inbound.body).map_err(|_| Unverified::Mismatch)?;
        // Every candidate is compared whole: no early end tells which one came close.
        let matching = signatures.split(' ').filter(|given| verify_slices_are_equal(given.as_bytes(), expected.as_bytes()).is_ok());
        if matching.count() > 0 { Ok(()) } else { Err(Unverified::Mismatch) }
    }
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
            [("b", "{}", good.as_str()), ("a", "{ }", &good), ("a", "{}", ""), ("a", "{}", "v1,"), ("a", "{}", &good[..12])]
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
