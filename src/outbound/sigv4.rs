//! AWS Signature Version 4: how Amazon's services know who calls.
//!
//! A request is signed over its method, path, headers and body, with a key derived from the secret for one day, region and service. Not here: query strings
//! (no call of ours has one) and session tokens. Invariant: what is signed is what is sent; the headers that [`sign`] returns go along unchanged.

use std::collections::BTreeMap;

use aws_lc_rs::{digest, hmac};
use chrono::{DateTime, Utc};
use data_encoding::HEXLOWER;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// Who signs, and for which service where.
#[derive(Clone, Copy)]
pub struct Signer<'s> {
    /// The access key's id, which is no secret.
    pub key_id: &'s str,
    /// The secret access key.
    pub secret: &'s str,
    /// Such as `eu-west-3`.
    pub region: &'s str,
    /// The service's signing name, such as `ses`.
    pub service: &'s str,
}

/// What is signed.
#[derive(Debug, Clone, Copy)]
pub struct Request<'r> {
    /// `POST`, `GET`.
    pub method: &'r str,
    /// As the `Host` header names it: with the port, where that is not the scheme's own.
    pub host: &'r str,
    /// The path as it is sent, percent-encoded, beginning with a slash.
    pub path: &'r str,
    /// Further headers to sign.
    pub headers: &'r [(&'r str, &'r str)],
    /// The body.
    pub body: &'r [u8],
}

/// The two headers that make a request a signed one: `x-amz-date` and `authorization`.
pub fn sign(signer: Signer<'_>, request: Request<'_>, now: DateTime<Utc>) -> [(&'static str, String); 2] {
    let stamp = now.format("%Y%m%dT%H%M%SZ").to_string();
    let day = now.format("%Y%m%d").to_string();
    let scope = format!("{day}/{}/{}/aws4_request", signer.region, signer.service);
    let (names, canonical) = canonical(request, &stamp);
    let to_sign = format!("{ALGORITHM}\n{stamp}\n{scope}\n{}", sha256(canonical.as_bytes()));
    let secret = format!("AWS4{}", signer.secret);
    let parts = [day.as_str(), signer.region, signer.service, "aws4_request", &to_sign];
    let signature = parts.iter().fold(secret.into_bytes(), |key, part| mac(&key, part));
    let signature = HEXLOWER.encode(&signature);
    let authorization = format!("{ALGORITHM} Credential={}/{scope}, SignedHeaders={names}, Signature={signature}", signer.key_id);
    [("x-amz-date", stamp), ("authorization", authorization)]
}

/// The names of the signed headers, and the request in the one form that both sides hash.
fn canonical(request: Request<'_>, stamp: &str) -> (String, String) {
    let own = [("host", request.host), ("x-amz-date", stamp)];
    let all: BTreeMap<String, &str> =
        request.headers.iter().chain(&own).map(|(name, value)| (name.to_ascii_lowercase(), value.trim())).collect();
    let names = all.keys().map(String::as_str).collect::<Vec<_>>().join(";");
    let headers: String = all.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
    let Request { method, path, body, .. } = request;
    let canonical = format!("{method}\n{path}\n\n{headers}\n{names}\n{}", sha256(body));
    (names, canonical)
}

fn sha256(bytes: &[u8]) -> String {
    HEXLOWER.encode(digest::digest(&digest::SHA256, bytes).as_ref())
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes()).as_ref().to_vec()
}

#[cfg(test)]
mod tests {
    use chrono::NaiveDateTime;

    use super::*;
    use crate::outbound::bench;

    fn at(stamp: &str) -> DateTime<Utc> {
        NaiveDateTime::parse_from_str(stamp, "%Y%m%dT%H%M%SZ").unwrap().and_utc()
    }

    /// Computed step by step with another implementation of HMAC and SHA-256.
    #[test]
    fn a_request_has_one_signature() {
        let signer = Signer { key_id: "AKIDOWNFIXTURE", secret: "own/fixture+secret", region: "eu-west-3", service: "ses" };
        let headers = [("Content-Type", " application/json ")];
        let request = Request {
            method: "POST",
            host: "email.eu-west-3.amazonaws.com",
            path: "/v2/email/outbound-emails",
            headers: &headers,
            body: b"{\"n\":1}",
        };
        let [(_, stamp), (_, authorization)] = sign(signer, request, at("20261121T100000Z"));
        assert_eq!(stamp, "20261121T100000Z");
        assert_eq!(
            authorization,
            "AWS4-HMAC-SHA256 Credential=AKIDOWNFIXTURE/20261121/eu-west-3/ses/aws4_request, \
             SignedHeaders=content-type;host;x-amz-date, Signature=0c4a07e2e714e0bc393cb9931aa54a0666ac315eb7c63a648b26a88bb699da5a"
        );
        let signature = |signer, request, now| sign(signer, request, now)[1].1.clone();
        let other = [
            signature(Signer { secret: "another", ..signer }, request, at("20261121T100000Z")),
            signature(Signer { region: "eu-west-1", ..signer }, request, at("20261121T100000Z")),
            signature(Signer { service: "sns", ..signer }, request, at("20261121T100000Z")),
            signature(signer, Request { body: b"{\"n\":2}", ..request }, at("20261121T100000Z")),
            signature(signer, Request { path: "/", ..request }, at("20261121T100000Z")),
            signature(signer, Request { headers: &[], ..request }, at("20261121T100000Z")),
            signature(signer, request, at("20261121T100001Z")),
        ];
        assert!(other.iter().all(|other| *other != authorization));
    }

    #[test]
    fn agrees_with_the_published_vectors() {
        let Some(vectors) = bench::vectors("aws_sigv4.json") else { return };
        for case in vectors["cases"].as_array().unwrap() {
            let text = |name: &str| case[name].as_str().unwrap();
            let url = url::Url::parse(text("url")).unwrap();
            let headers: Vec<(&str, &str)> =
                case["headers"].as_object().unwrap().iter().map(|(name, value)| (name.as_str(), value.as_str().unwrap())).collect();
            let request = Request {
                method: text("method"),
                host: url.host_str().unwrap(),
                path: url.path(),
                headers: &headers,
                body: text("body").as_bytes(),
            };
            let signer =
                Signer { key_id: text("access_key"), secret: text("secret_key"), region: text("region"), service: text("service") };
            assert_eq!(canonical(request, text("x_amz_date")).1, text("canonical_request"), "{}", case["name"]);
            let [(_, stamp), (_, authorization)] = sign(signer, request, at(text("x_amz_date")));
            assert_eq!((stamp.as_str(), authorization.as_str()), (text("x_amz_date"), text("authorization")), "{}", case["name"]);
        }
    }
}
