//! The catalogue of errors: every code that a problem can have, with what it means, what leads to it and what to do.
//!
//! Those of the present state (409) are in [`conflicts`](super::conflicts). Invariant: a code, once published, keeps its status and its meaning; the
//! tests hold the source to the catalogue.

use super::conflicts::CONFLICTS;

/// What a problem's code means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Code {
    /// The code.
    pub code: &'static str,
    /// The status that it comes with.
    pub status: u16,
    /// What it means, in a few words.
    pub title: &'static str,
    /// What leads to it, in a sentence or two.
    pub cause: &'static str,
    /// What to do, in a sentence or two.
    pub cure: &'static str,
}

/// A line of the catalogue.
pub(super) const fn of(code: &'static str, status: u16, title: &'static str, cause: &'static str, cure: &'static str) -> Code {
    Code { code, status, title, cause, cure }
}

/// All of them, by their status.
pub fn codes() -> impl Iterator<Item = &'static Code> {
    let (before, behind) = OTHERS.split_at(OTHERS.partition_point(|one| one.status < 409));
    before.iter().chain(CONFLICTS).chain(behind)
}

/// Those that the present state has no part in, by their status.
const OTHERS: &[Code] = &[
    of(
        "malformed",
        400,
        "The request does not fit the contract",
        "The server compares each request with its published document before anything else, and this one differs: JSON that does not parse, a name that is not described, a wrong type, a value out of its bounds.",
        "Compare the pointers in `errors` with the reference: syntax, unknown names, wrong types.",
    ),
    of(
        "unauthenticated",
        401,
        "No valid credentials",
        "The header `Authorization` is absent or not `Bearer`; or the key or token in it is unknown, mistyped, expired, revoked or made for something else. `detail` says which.",
        "Send `Authorization: Bearer` with a key that is neither expired nor revoked, or with a token younger than 15 minutes.",
    ),
    of(
        "forbidden",
        403,
        "The key may not do this",
        "Each operation asks for one scope, and the key, or the role of the person, was not given it.",
        "`detail` names the scope that is missing; make a key that has it.",
    ),
    of(
        "address_not_allowed",
        403,
        "The key does not work from here",
        "The key was made for certain networks, and the request comes from an address in none of them, or through a proxy that the server does not know.",
        "Call from one of the networks that the key names, or have another key made. Behind a proxy of your own, name it in `trusted_proxies`.",
    ),
    of(
        "person_blocked",
        403,
        "This person is kept out",
        "Somebody with the right to do so blocked this person for the tenant; the identity provider still knows them, and that does not help.",
        "Whoever holds `identity:write` can let them in again.",
    ),
    of(
        "not_found",
        404,
        "Nothing here",
        "No such path, or no such thing in the partition of the key: it never was, it was deleted, or it is the other mode's or another tenant's, which look the same from here.",
        "Check the id and the mode of the key: live keys do not see test data, and no key sees another tenant's.",
    ),
    of(
        "method_not_allowed",
        405,
        "Not with this method",
        "The path exists, and has no operation of this method.",
        "`Allow` lists the methods of this path.",
    ),
    of(
        "timeout",
        408,
        "The body did not arrive in time",
        "The connection stayed open, and the rest of the body did not come: a slow line, or a `Content-Length` longer than the body.",
        "Send the whole body within ten seconds.",
    ),
    of(
        "precondition_failed",
        412,
        "It has changed since you read it",
        "`If-Match` holds the write to what was read, and somebody or something has changed it since; or the tag is of another representation, such as an expanded one.",
        "Read it again, decide anew, and repeat with its present ETag; the same Idempotency-Key may be used.",
    ),
    of(
        "too_large",
        413,
        "The body is too large",
        "The body has more bytes than this operation takes, or a batch more items.",
        "Split it: at most 2 MB, at most 1,000 items in a batch.",
    ),
    of(
        "unsupported_media_type",
        415,
        "Not in this media type",
        "`Content-Type` is absent or none that this operation takes, or the body is compressed where it may not be.",
        "Send `Content-Type: application/json`.",
    ),
    of(
        "invalid",
        422,
        "A rule of the business is broken",
        "Each value is well formed, and together, or with what is recorded already, they break a rule: a due date before the issue date, an allocation above the balance, a policy that the law forbids.",
        "`errors` names every field, the rule and the cure.",
    ),
    of(
        "key_reused",
        422,
        "This Idempotency-Key came with another request before",
        "An Idempotency-Key stands for one request, method, path and body, for thirty days; another one came with the same key.",
        "Use a new key for a new request.",
    ),
    of(
        "precondition_required",
        428,
        "Say which state you have read",
        "Edits of policies, and what moves money of something that exists, are only done by those who say what they have seen.",
        "Send `If-Match` with the `ETag` of the resource as you have read it, or `*` to act on whatever is there.",
    ),
    of(
        "hourly_limit",
        429,
        "This hour's share is used up",
        "Test messages leave through the real provider, so that each account sends only a few of them in an hour.",
        "`detail` gives the limit; wait for the next hour.",
    ),
    of(
        "too_many_reports",
        429,
        "Too many reports of keys from your address",
        "Reports are open to all, so that each address has a small share of them.",
        "Repeat it after `Retry-After`; revoke your own keys by their ids.",
    ),
    of(
        "rate_limited",
        429,
        "Too many requests",
        "One of three buckets is empty, and `detail` says which: that of the key, of the tenant (all its keys together, in one mode), or of its exports.",
        "Repeat after `Retry-After`; `RateLimit` tells with each answer what is left.",
    ),
    of(
        "internal",
        500,
        "Our fault",
        "Something happened that the server was not made for. The cause is in its log under the request's id, and is not sent.",
        "Nothing was changed. Repeat with the same Idempotency-Key; quote the request id if it persists.",
    ),
    of(
        "busy",
        503,
        "Too much at once",
        "More work arrived than the server or its database can take at this moment, or two writes met and this one gave way.",
        "Nothing was changed. Repeat after `Retry-After`.",
    ),
    of(
        "issuer_unavailable",
        503,
        "The identity provider cannot be asked",
        "The token is signed by an identity provider whose keys are not known here, and it did not answer when it was asked for them.",
        "Repeat after `Retry-After`; `POST /v1/identity-providers/{id}/check` says what is wrong. API keys work meanwhile.",
    ),
];
