//! What goes along with an e-mail: the invoices' documents, attached as far as they fit and linked where they do not.

use data_encoding::BASE64;
use relance::domain::ids::Mode;
use serde_json::{Value, json};

use crate::{
    on_both,
    support::{
        App, Tenant,
        dunning::{ANN, Gateway},
    },
};

const PDF: &[u8] = b"%PDF-1.7 facture";

/// A live tenant with a gateway of its own, whose reminders take the invoices' documents along.
async fn attaching(app: &App) -> (Tenant, Gateway) {
    let (tenant, gateway) = (app.tenant("Atelier").await, Gateway::open());
    let key = json!({"kind": "webhook", "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"});
    let account = json!({"name": "Own gateway", "settings": {"kind": "webhook", "url": gateway.url}, "credentials": key});
    app.post("/v1/provider-accounts", &tenant.live, account).await.expect(201);
    let step = json!({"key": "first", "offset_days": 1, "channel": "email", "template": "first_reminder", "attach": ["invoice"]});
    let document = json!({"name": "With documents", "scope": {"priority": 9}, "steps": [step]});
    let made = app.post("/v1/policies", &tenant.live, json!({"document": document})).await.expect(201);
    app.post(&format!("/v1/policies/{}/activate", made["id"].as_str().unwrap()), &tenant.live, json!({"version": 1})).await.expect(200);
    (tenant, gateway)
}

/// Sends one reminder about an invoice with so many documents; what the gateway was given.
async fn reminded(app: &App, tenant: &Tenant, gateway: &Gateway, documents: usize) -> Value {
    let customer = app.debtor(&tenant.live, ANN).await;
    let invoice = app.owes(&tenant.live, &customer, "F-1", "2026-02-20").await["id"].clone();
    for n in 0..documents {
        app.document(&tenant.live, invoice.as_str().unwrap(), &format!("F-1 {n}.pdf"), "application/pdf", PDF).await.expect(201);
    }
    app.settle(tenant, Mode::Live).await;
    let taken = gateway.taken.lock().unwrap();
    assert_eq!(taken.len(), 1);
    taken[0]["data"].clone()
}

on_both! {
    async fn what_fits_is_attached(app: App) {
        let (tenant, gateway) = attaching(&app).await;
        let data = reminded(&app, &tenant, &gateway, 2).await;
        let attached = data["attachments"].as_array().unwrap();
        let mut names: Vec<&str> = attached.iter().map(|one| one["name"].as_str().unwrap()).collect();
        names.sort_unstable();
        assert_eq!((names, &attached[0]["media_type"]), (vec!["F-1 0.pdf", "F-1 1.pdf"], &json!("application/pdf")));
        assert_eq!(BASE64.decode(attached[1]["content_base64"].as_str().unwrap().as_bytes()).unwrap(), PDF);
        assert!(!data["text"].as_str().unwrap().contains("/v1/document-links/"));
    }

    async fn what_does_not_fit_is_linked(app: App) {
        let (tenant, gateway) = attaching(&app).await;
        let data = reminded(&app, &tenant, &gateway, 6).await;
        assert_eq!(data["attachments"], Value::Null);
        let text = data["text"].as_str().unwrap();
        let links: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("- F-1 ")?.split_once(": ").map(|(_, link)| link)).collect();
        assert_eq!(links.len(), 6, "{text}");
        let path = links[0].strip_prefix(&app.url).unwrap();
        let answer = app.raw("GET", path, &[], String::new()).await;
        assert_eq!((answer.status, answer.text.as_bytes()), (200, PDF));
        assert_eq!(answer.header("content-type"), Some("application/octet-stream"));
        assert_eq!(app.raw("GET", &path[..path.len() - 3], &[], String::new()).await.status, 404);
        app.clock.advance(chrono::TimeDelta::days(91));
        assert_eq!(app.raw("GET", path, &[], String::new()).await.status, 404);
    }

    async fn a_step_that_sends_no_mail_attaches_nothing(app: App) {
        let tenant = app.tenant("Atelier").await;
        let step = json!({"key": "first", "offset_days": 1, "channel": "sms", "template": "sms_reminder", "attach": ["invoice"]});
        let made = app.post("/v1/policies", &tenant.live, json!({"document": {"name": "Mine", "steps": [step]}})).await;
        let refused = if made.status == 201 {
            let path = format!("/v1/policies/{}/activate", made.body["id"].as_str().unwrap());
            app.post(&path, &tenant.live, json!({"version": 1})).await
        } else {
            made
        };
        assert!(refused.expect(422)["errors"].as_array().unwrap().iter().any(|fault| fault["pointer"].as_str().unwrap().ends_with("/steps/0/attach")));
    }
}
