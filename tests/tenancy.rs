//! No tenant sees or moves what is another's: every operation of the published document, called by everyone who must get nothing.
//!
//! Two tenants own one of everything. Each operation is then called with the first one's ids by the second (both modes), by the first one's own test
//! key, by keys that are absent, revoked or lack the scope. Every answer must be the one that an id gets which never was, and must not contain
//! a byte of the first one's data; afterwards the first one's data must be as before, and its own calls must reach it.
//!
//! An operation that names something this file does not know how to make fails the test: `World::made_otherwise` is the place to say how.

pub mod world;

use serde_json::{Value, json};
use world::{CANARY, Operation, World, operations};

use crate::{
    on_both,
    support::{App, Reply},
};

on_both! {
    async fn nobody_reaches_what_is_another_tenants(app: App) {
        let owner = World::of(&app, "Owner").await;
        let other = World::of(&app, "Other").await;
        let before = owner.everything(&app).await;
        assert!(owner.shows_in(&format!("{before:?}")), "the canary would not be seen");
        let mut report = Report::default();
        let mut all = operations();
        // What makes what it names would leave the callers with something of that name.
        all.sort_by_key(|operation| operation.method == "PUT");
        // Public operations have no caller: there the secret in the path is the authority.
        for operation in all.into_iter().filter(|operation| operation.scope().is_some()) {
            for (who, key) in [("another tenant", &other.tenant.live), ("another tenant's test key", &other.tenant.test), ("the tenant's own test key", &owner.tenant.test)] {
                foreign_is_as_absent(&app, &operation, who, key, &owner, &other, &mut report).await;
            }
            emptied_lists_open_nothing(&app, &operation, &owner, &other, &mut report).await;
        }
        for (operation, seen) in owner.everything(&app).await {
            assert_eq!(Some(&seen), before.get(&operation), "{operation} shows that what is the owner's was changed");
        }
        report.assert_none();
    }

    async fn nobody_gets_in_without_the_right_key(app: App) {
        let owner = World::of(&app, "Owner").await;
        let revoked = owner.revoked_key(&app).await;
        let mut report = Report::default();
        for operation in operations() {
            let Some(scope) = operation.scope() else { continue };
            let without = owner.key_without(&app, &scope).await;
            let mut callers = vec![("nobody", "", 401), ("a revoked key", revoked.as_str(), 401), ("a key without the scope", &without, 403)];
            if !operation.is_of_a_page() {
                callers.push(("the debtor's own page", &owner.page_key, 403));
            }
            for (who, key, expected) in callers {
                let own = operation.call(&app, key, &owner.request(&operation)).await;
                let absent = operation.call(&app, key, &owner.absent(&operation)).await;
                report.check(own.status == expected, &operation, &format!("{who} gets {} and not {expected}", own.status));
                report.check(naked(&own) == naked(&absent), &operation, &format!("{who} can tell what is there from what is not"));
                report.check(!own.text.contains(CANARY), &operation, &format!("{who} sees data"));
            }
        }
        report.assert_none();
    }

    async fn a_cursor_opens_no_other_tenants_list(app: App) {
        let owner = World::of(&app, "Owner").await;
        let other = World::of(&app, "Other").await;
        let mut report = Report::default();
        for operation in operations().into_iter().filter(Operation::is_list) {
            let Some(cursor) = owner.cursor(&app, &operation).await else { continue };
            for key in [&other.tenant.live, &owner.tenant.test] {
                let answer = app.get(&format!("{}?cursor={cursor}", other.request(&operation).path), key).await;
                report.check(matches!(answer.status, 400 | 403), &operation, &format!("a foreign cursor gets {}", answer.status));
            }
        }
        report.assert_none();
    }

    /// The fixtures are real: their owner reaches every one of them. Last of all, what ends things.
    async fn the_owner_reaches_all_of_it(app: App) {
        let owner = World::of(&app, "Owner").await;
        let mut report = Report::default();
        let mut all = operations();
        let order = |method: &str| ["GET", "PUT", "PATCH", "DELETE", "POST"].iter().position(|one| *one == method);
        all.sort_by_key(|operation| (operation.id == "deleteWebhookEndpoint", order(&operation.method)));
        for operation in all.into_iter().filter(|operation| !operation.is_signed()) {
            let key = match (operation.is_platforms(), operation.is_of_test_mode()) {
                (true, _) => &app.platform,
                (false, true) => &owner.tenant.test,
                (false, false) if operation.is_of_a_page() => &owner.page_key,
                (false, false) => &owner.tenant.live,
            };
            let answer = operation.call(&app, key, &owner.request(&operation)).await;
            let reached = answer.status < 500 && !matches!(answer.status, 400 | 401 | 403 | 404 | 405);
            report.check(reached, &operation, &format!("its owner gets {}: {}", answer.status, answer.text));
            let seen = operation.method != "GET" || answer.status == 200;
            report.check(seen, &operation, &format!("its owner does not see it: {}", answer.text));
        }
        report.assert_none();
    }
}

/// One id after the other, in path, query and body: the owner's gets what one gets that never was.
async fn foreign_is_as_absent(app: &App, operation: &Operation, who: &str, key: &str, owner: &World, other: &World, report: &mut Report) {
    for place in operation.places() {
        let foreign = operation.call(app, key, &other.request_with(operation, &place, owner)).await;
        let absent = operation.call(app, key, &other.request_with_absent(operation, &place)).await;
        let told = format!("{who}, {place:?}");
        if operation.makes_what_it_names(&place) {
            report.check(foreign.status == absent.status, operation, &format!("{told}: foreign {}, absent {}", foreign.text, absent.text));
            report.check(!owner.owns_an_id_in(&foreign.text), operation, &format!("{told}: sees {}", foreign.text));
            continue;
        }
        report.check(
            naked(&foreign) == naked(&absent),
            operation,
            &format!("{told}: foreign {}, absent {}", naked(&foreign), naked(&absent)),
        );
        report.check(
            !operation.is_found_by(&place) || matches!(foreign.status, 403 | 404),
            operation,
            &format!("{told}: {}", foreign.status),
        );
        report.check(!owner.shows_in(&foreign.text), operation, &format!("{told}: sees {}", foreign.text));
    }
    if operation.places().is_empty() {
        let answer = operation.call(app, key, &other.request(operation)).await;
        report.check(answer.status < 500, operation, &format!("{who}: {}", answer.text));
        let of_its_own = key == owner.tenant.test && operation.path == "/v1/tenant";
        report.check(of_its_own || !owner.shows_in(&answer.text), operation, &format!("{who}: sees {}", answer.text));
    }
}

/// An empty list is no permission, and no wildcard.
async fn emptied_lists_open_nothing(app: &App, operation: &Operation, owner: &World, other: &World, report: &mut Report) {
    for body in operation.bodies_with_emptied_lists(other) {
        let mut request = other.request(operation);
        for place in operation.places().iter().filter(|place| operation.is_found_by(place)) {
            request = other.request_with(operation, place, owner);
        }
        request.body = body;
        let answer = operation.call(app, &other.tenant.live, &request).await;
        report.check(answer.status < 500, operation, &format!("an empty list: {}", answer.text));
        report.check(!owner.shows_in(&answer.text), operation, &format!("an empty list: sees {}", answer.text));
    }
}

/// An answer without what differs between any two: the request's id, and the ids that were asked for.
fn naked(answer: &Reply) -> String {
    fn strip(value: &Value) -> Value {
        match value {
            Value::Object(map) => map
                .iter()
                .filter(|(name, _)| {
                    !matches!(name.as_str(), "request_id" | "secret" | "last4" | "access_token" | "expires_at" | "last_used_at")
                })
                .map(|(name, inner)| (name.clone(), strip(inner)))
                .collect(),
            Value::Array(items) => items.iter().map(strip).collect(),
            Value::String(text) if world::prefix(text).is_some() => json!("an id"),
            other => other.clone(),
        }
    }
    format!("{} {}", answer.status, strip(&answer.body))
}

/// What went wrong, all of it.
#[derive(Default)]
struct Report(Vec<String>);

impl Report {
    fn check(&mut self, holds: bool, operation: &Operation, fault: &str) {
        if !holds {
            self.0.push(format!("{}: {fault}", operation.id));
        }
    }

    fn assert_none(&self) {
        assert!(self.0.is_empty(), "{}", self.0.join("\n"));
    }
}
