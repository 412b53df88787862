//! OAuth 2.0 (RFC 6749): a new access token for a refresh token, or for the application's own name.
//!
//! Not here: how a person consents, which happens before a connection is made. Invariant: whatever a renewal does not answer stays as it was.

use chrono::{DateTime, TimeDelta, Utc};
use data_encoding::BASE64;
use url::form_urlencoded;

use super::{Access, Ask, needed, reading::json, text};
use crate::{
    domain::{connection::ConnectionCredentials, invalid::Faults},
    outbound::{Unreadable, net::Method},
};

/// The longest token that is kept.
const MAX_TOKEN: usize = 8_000;

/// How the application says who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Client {
    /// By HTTP Basic authentication.
    Header,
    /// In the form.
    Form,
}

/// The question for a new access token, at `url`: by the refresh token, or by `own` where there is none.
pub(super) fn renewal(access: &Access, url: String, client: Client, own: &[(&str, &str)]) -> Ask {
    let secrets = &access.credentials;
    let (id, secret) = (secrets.client_id.as_deref().unwrap_or_default(), secrets.client_secret.as_deref().unwrap_or_default());
    let mut form = form_urlencoded::Serializer::new(String::new());
    match secrets.refresh_token.as_deref() {
        Some(token) => form.append_pair("grant_type", "refresh_token").append_pair("refresh_token", token),
        None => form.extend_pairs(own),
    };
    let mut headers = vec![("accept", "application/json".to_owned()), ("content-type", "application/x-www-form-urlencoded".to_owned())];
    match client {
        Client::Header => headers.push(("authorization", format!("Basic {}", BASE64.encode(format!("{id}:{secret}").as_bytes())))),
        Client::Form => {
            form.append_pair("client_id", id).append_pair("client_secret", secret);
        }
    }
    Ask { method: Method::POST, url, headers, body: Some(form.finish()) }
}

/// The credentials with the tokens of `answer`.
///
/// # Errors
/// There is no token in it.
pub(super) fn renewed(access: &Access, answer: &[u8], now: DateTime<Utc>) -> Result<ConnectionCredentials, Unreadable> {
    let answer = json(answer)?;
    let kept = |token: &str| {
        if token.len() <= MAX_TOKEN { Ok(token.to_owned()) } else { Err(Unreadable("a token of more than 8000 bytes".to_owned())) }
    };
    let mut credentials = access.credentials.clone();
    credentials.access_token = Some(kept(needed(&answer, "/access_token")?)?);
    if let Some(token) = text(&answer, "/refresh_token") {
        credentials.refresh_token = Some(kept(token)?);
    }
    let lasts = text(&answer, "/expires_in").and_then(|seconds| seconds.parse::<i64>().ok());
    credentials.expires_at = lasts.map(|seconds| now + TimeDelta::seconds(seconds.clamp(0, 366 * 86_400)));
    Ok(credentials)
}

/// Notes what a renewal by refresh token lacks.
pub(super) fn check_refresh(access: &Access, faults: &mut Faults) {
    let secrets = &access.credentials;
    let wanted = [
        ("client_id", secrets.client_id.as_ref(), "your application's client id"),
        ("client_secret", secrets.client_secret.as_ref(), "your application's client secret"),
        ("refresh_token", secrets.refresh_token.as_ref(), "the refresh token that your application was given for the company"),
    ];
    for (pointer, secret, what) in wanted {
        if let Err(part) = ConnectionCredentials::required(secret, pointer, what) {
            faults.0.extend(part.0);
        }
    }
}

/// Notes that nothing can be believed without a signing secret.
pub(super) fn check_signing(access: &Access, what: &str, faults: &mut Faults) {
    if access.credentials.signing_secrets.iter().all(String::is_empty) {
        faults.add("/credentials/signing_secrets", "required", format!("this system needs {what}"));
    }
}

/// Notes that the company must be named.
pub(super) fn check_account(access: &Access, what: &str, faults: &mut Faults) {
    let plain = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if !access.settings.account.as_deref().is_some_and(plain) {
        faults.add("/settings/account", "required", format!("this system needs {what}, in letters, digits and hyphens"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access(refresh: Option<&str>) -> Access {
        let credentials = ConnectionCredentials {
            client_id: Some("app".to_owned()),
            client_secret: Some("s&cret".to_owned()),
            access_token: Some("old".to_owned()),
            refresh_token: refresh.map(str::to_owned),
            ..ConnectionCredentials::default()
        };
        Access { settings: Default::default(), credentials }
    }

    #[test]
    fn the_application_says_who_it_is_in_either_way() {
        let ask = renewal(&access(Some("r/1")), "https://x.example/token".to_owned(), Client::Header, &[]);
        assert_eq!(ask.body.as_deref(), Some("grant_type=refresh_token&refresh_token=r%2F1"));
        // printf 'app:s&cret' | base64
        assert!(ask.headers.contains(&("authorization", "Basic YXBwOnMmY3JldA==".to_owned())));
        let ask = renewal(&access(Some("r")), "https://x.example/token".to_owned(), Client::Form, &[]);
        assert_eq!(ask.body.as_deref(), Some("grant_type=refresh_token&refresh_token=r&client_id=app&client_secret=s%26cret"));
        assert!(ask.headers.iter().all(|(name, _)| *name != "authorization"));
        let ask = renewal(&access(None), String::new(), Client::Form, &[("grant_type", "client_credentials"), ("username", "u@c")]);
        assert_eq!(ask.body.as_deref(), Some("grant_type=client_credentials&username=u%40c&client_id=app&client_secret=s%26cret"));
        assert_eq!(format!("{ask:?}"), "Ask(POST)");
    }

    #[test]
    fn tokens_take_the_place_of_the_old_ones_and_what_is_not_answered_stays() {
        let now = DateTime::UNIX_EPOCH;
        let both = renewed(
            &access(Some("r1")),
            br#"{"access_token": "a2", "refresh_token": "r2", "expires_in": 3600, "token_type": "bearer"}"#,
            now,
        )
        .unwrap();
        assert_eq!((both.access_token.as_deref(), both.refresh_token.as_deref()), (Some("a2"), Some("r2")));
        assert_eq!((both.expires_at, both.client_id.as_deref()), (Some(now + TimeDelta::hours(1)), Some("app")));
        let one = renewed(&access(Some("r1")), br#"{"access_token": "a2"}"#, now).unwrap();
        assert_eq!((one.refresh_token.as_deref(), one.expires_at), (Some("r1"), None));
        for bad in [&b"{}"[..], b"", b"[]", br#"{"access_token": ""}"#, br#"{"access_token": null}"#] {
            assert!(renewed(&access(None), bad, now).is_err());
        }
        let long = format!(r#"{{"access_token": "{}"}}"#, "a".repeat(MAX_TOKEN + 1));
        assert!(renewed(&access(None), long.as_bytes(), now).is_err());
    }
}
