//! The journal: sealed, shown, proved, exported and erased from; and every way to change it behind our back.

mod export;
mod tamper;

use std::{collections::BTreeSet, sync::Arc};

use chrono::TimeDelta;
use data_encoding::HEXLOWER;
use relance::{
    actions,
    domain::{
        crypto::Hash,
        evidence::{
            checkpoint::{Checkpoint, PublicKey},
            tree,
            verify::{Report, Trust, verify},
        },
        ids::{Mode, TenantId},
    },
    jobs,
};
use serde_json::{Value, json};

use crate::{
    on_both,
    support::{App, Tenant},
};

/// A tenant's live partition.
fn live(tenant: &Tenant) -> TenantId {
    tenant.id.parse::<TenantId>().unwrap().in_mode(Mode::Live)
}

/// Adds entries: personal ones, privileged ones and plain ones in turn.
fn fill(app: &App, partition: TenantId, numbers: std::ops::Range<u32>) {
    for n in numbers {
        actions::run_now(&app.db, &app.clock, partition, "system", |act| {
            let (subject, body) = (format!("inv_{n}"), json!({"total": 100 + n, "number": format!("F-{n}"), "lines": [{"net": n}]}));
            match n % 3 {
                0 => act.witness_personal(
                    "message.sent",
                    subject,
                    body,
                    vec![("phone", format!("+331{n:08}")), ("email", format!("canary{n}@example.com"))],
                ),
                1 => act.audit("invoice.waived", subject, body),
                _ => act.witness("invoice.created", subject, body),
            }
            Ok(())
        })
        .unwrap();
        app.clock.advance(TimeDelta::milliseconds(1_500));
    }
}

async fn seal(app: &App, partition: TenantId, limit: u32) -> usize {
    actions::evidence::seal(&app.db, &app.clock, &app.state.signer, partition, limit).await.unwrap()
}

/// A tenant whose journal has `seals` heads of three entries each, behind that of its own making.
async fn tenant_with_log(app: &App, seals: u32) -> Tenant {
    let tenant = app.tenant("Atelier").await;
    seal(app, live(&tenant), 1_000).await;
    for n in 0..seals {
        fill(app, live(&tenant), 3 * n..3 * n + 3);
        assert_eq!(seal(app, live(&tenant), 1_000).await, 3);
    }
    tenant
}

async fn heads(app: &App, key: &str) -> Vec<String> {
    let page = app.get("/v1/evidence/checkpoints?limit=200", key).await.expect(200);
    page["data"].as_array().unwrap().iter().map(|head| head["line"].as_str().unwrap().to_owned()).collect()
}

async fn entries(app: &App, key: &str) -> Vec<Value> {
    app.get("/v1/evidence?limit=200", key).await.expect(200)["data"].as_array().unwrap().clone()
}

async fn public_key(app: &App, key: &str) -> PublicKey {
    app.get("/v1/evidence/public-key", key).await.expect(200)["public_key"].as_str().unwrap().parse().unwrap()
}

/// The export, checked against everything a careful holder has.
async fn verified(app: &App, key: &str, kept: Vec<String>) -> Report {
    let file = app.fetch("/v1/evidence/export", key).await.expect("a whole export");
    let trust = Trust { keys: vec![public_key(app, key).await], checkpoints: kept };
    verify(&file[..], &trust).unwrap()
}

fn path_of(proof: &Value) -> Vec<Hash> {
    proof["path"].as_array().unwrap().iter().map(hash_of).collect()
}

fn hash_of(text: &Value) -> Hash {
    HEXLOWER.decode(text.as_str().unwrap().as_bytes()).unwrap().try_into().unwrap()
}

/// Each path with one bit turned.
fn bent(path: &[Hash]) -> impl Iterator<Item = Vec<Hash>> {
    (0..path.len() * 256).map(|bit| {
        let mut other = path.to_vec();
        other[bit / 256][bit % 256 / 8] ^= 1 << (bit % 8);
        other
    })
}

on_both! {
    async fn entries_are_listed_by_subject_kind_and_privilege(app: App) {
        let tenant = tenant_with_log(&app, 3).await;
        let count = async |query: &str| app.get(&format!("/v1/evidence?{query}"), &tenant.live).await.expect(200)["data"].as_array().unwrap().len();
        assert_eq!((count("kind=message.sent").await, count("subject=inv_4").await), (3, 1));
        let all = entries(&app, &tenant.live).await;
        let privileged = count("privileged=true").await;
        assert!(privileged >= 5 && privileged + count("privileged=false").await == all.len());
        // Entries of one millisecond are listed in any order; the log has one.
        let places: BTreeSet<u64> = all.iter().map(|entry| entry["index"].as_u64().unwrap()).collect();
        assert_eq!(places, (0..u64::try_from(all.len()).unwrap()).collect());
        let sent = all.iter().find(|entry| entry["record"]["subject"] == "inv_3").unwrap();
        assert_eq!(sent["disclosures"][0]["value"], "canary3@example.com");
        assert_eq!(&app.get(&format!("/v1/evidence/{}", sent["id"].as_str().unwrap()), &tenant.live).await.expect(200), sent);
        assert_eq!(app.get(&format!("/v1/evidence/{}", sent["id"].as_str().unwrap()), &tenant.test).await.status, 404);
    }

    async fn every_inclusion_proof_holds_and_no_bent_one_does(app: App) {
        let tenant = tenant_with_log(&app, 3).await;
        let heads: Vec<Checkpoint> = heads(&app, &tenant.live).await.iter().map(|line| Checkpoint::from_line(live(&tenant), line).unwrap()).collect();
        let key = public_key(&app, &tenant.live).await;
        for entry in entries(&app, &tenant.live).await {
            let (id, index) = (entry["id"].as_str().unwrap(), entry["index"].as_u64().unwrap());
            for head in &heads {
                let (size, root) = (head.statement.size, head.statement.root);
                let answer = app.get(&format!("/v1/evidence/{id}/inclusion?size={size}"), &tenant.live).await;
                if size <= index {
                    assert_eq!((answer.status, &answer.body["errors"][0]["code"]), (422, &json!("out_of_range")));
                    continue;
                }
                let proof = answer.expect(200);
                let (leaf, path) = (hash_of(&proof["leaf"]), path_of(&proof));
                assert_eq!((&proof["leaf"], &proof["checkpoint"]["line"]), (&entry["digest"], &json!(head.line())));
                assert!(key.signed(head) && tree::verify_inclusion(&leaf, index, size, &path, &root));
                assert!(bent(&path).all(|path| !tree::verify_inclusion(&leaf, index, size, &path, &root)));
                assert!(bent(&[leaf]).all(|leaf| !tree::verify_inclusion(&leaf[0], index, size, &path, &root)));
            }
            assert_eq!(app.get(&format!("/v1/evidence/{id}/inclusion?size=999"), &tenant.live).await.body["errors"][0]["code"], "unknown_value");
        }
    }

    async fn every_consistency_proof_holds_and_no_bent_one_does(app: App) {
        let tenant = tenant_with_log(&app, 4).await;
        let heads: Vec<Checkpoint> = heads(&app, &tenant.live).await.iter().map(|line| Checkpoint::from_line(live(&tenant), line).unwrap()).collect();
        for (old, new) in heads.iter().flat_map(|old| heads.iter().map(move |new| (old.statement, new.statement))) {
            let answer = app.get(&format!("/v1/evidence/consistency?from={}&to={}", old.size, new.size), &tenant.live).await;
            if old.size > new.size {
                assert_eq!(answer.status, 422);
                continue;
            }
            let path = path_of(&answer.expect(200));
            assert!(tree::verify_consistency(old.size, &old.root, new.size, &new.root, &path));
            assert!(bent(&path).all(|path| !tree::verify_consistency(old.size, &old.root, new.size, &new.root, &path)));
        }
    }

    async fn what_is_not_sealed_yet_has_no_proof(app: App) {
        let tenant = app.tenant("Atelier").await;
        let first = entries(&app, &tenant.live).await.remove(0);
        assert!(first["index"].is_u64());
        let answer = app.get(&format!("/v1/evidence/{}/inclusion", first["id"].as_str().unwrap()), &tenant.live).await;
        assert_eq!((answer.status, &answer.body["code"]), (409, &json!("not_sealed")));
        assert_eq!(verified(&app, &tenant.live, vec![]).await.findings, []);
    }

    async fn an_export_of_many_pages_verifies(app: App) {
        let tenant = tenant_with_log(&app, 1).await;
        actions::run_now(&app.db, &app.clock, live(&tenant), "system", |act| {
            (0..1_203).for_each(|n| act.witness("invoice.created", format!("inv_{n}"), json!({"total": n})));
            Ok(())
        }).unwrap();
        while seal(&app, live(&tenant), 400).await > 0 {}
        let kept = heads(&app, &tenant.live).await;
        let report = verified(&app, &tenant.live, kept.clone()).await;
        assert_eq!((report.findings, report.checkpoints, report.kept), (vec![], 6, 6));
        assert!(report.entries > 1_203);
    }

    async fn two_sealers_never_conflict(app: App) {
        let tenant = app.tenant("Atelier").await;
        let (db, clock, signer, partition) = (app.db.clone(), app.clock.clone(), Arc::clone(&app.state.signer), live(&tenant));
        let before = entries(&app, &tenant.live).await.len();
        let sealers: Vec<_> = (0..6).map(|_| {
            let (db, clock, signer) = (db.clone(), clock.clone(), Arc::clone(&signer));
            actix_web::rt::spawn(async move {
                let mut sealed = 0;
                for _ in 0..12 {
                    sealed += actions::evidence::seal(&db, &clock, &signer, partition, 2).await.unwrap();
                    actix_web::rt::time::sleep(std::time::Duration::from_millis(3)).await;
                }
                sealed
            })
        }).collect();
        let (db, clock) = (app.db.clone(), app.clock.clone());
        let writer = actix_web::rt::spawn(async move {
            for n in 0..30 {
                actions::run(&db, &clock, partition, "system", move |act| { act.witness("invoice.created", format!("inv_{n}"), json!({})); Ok(()) }).await.unwrap();
            }
        });
        let mut sealed = 0;
        for sealer in sealers {
            sealed += sealer.await.unwrap();
        }
        writer.await.unwrap();
        while let more @ 1.. = seal(&app, partition, 7).await {
            sealed += more;
        }
        assert_eq!(sealed, before + 30);
        let report = verified(&app, &tenant.live, heads(&app, &tenant.live).await).await;
        assert_eq!((report.findings, report.entries), (vec![], u64::try_from(before + 30).unwrap()));
    }

    async fn a_clock_that_steps_back_leaves_nothing_unsealed(app: App) {
        let tenant = tenant_with_log(&app, 2).await;
        app.clock.advance(TimeDelta::hours(-48));
        fill(&app, live(&tenant), 50..53);
        assert_eq!(seal(&app, live(&tenant), 1_000).await, 3);
        let all = entries(&app, &tenant.live).await;
        let late: Vec<_> = all.iter().filter(|entry| entry["record"]["subject"].as_str().unwrap().starts_with("inv_5")).collect();
        assert!(late.len() >= 3);
        assert_eq!(late[late.len() - 3..].iter().map(|entry| entry["index"].as_u64().unwrap()).max().unwrap() + 1, u64::try_from(all.len()).unwrap());
        assert_eq!(verified(&app, &tenant.live, heads(&app, &tenant.live).await).await.findings, []);
    }

    async fn the_sealing_loop_serves_every_partition_and_stops(app: App) {
        let tenant = app.tenant("Atelier").await;
        let (stop, stopped) = tokio::sync::watch::channel(false);
        let running = actix_web::rt::spawn(jobs::seals::run(app.db.clone(), app.clock.clone(), Arc::clone(&app.state.signer), stopped));
        for key in [&tenant.live, &tenant.test, &app.platform] {
            let sealed = async || {
                let covered = heads(&app, key).await.last().map_or(0, |line| line.split(':').next().unwrap().parse().unwrap());
                entries(&app, key).await.iter().all(|entry| entry["index"].as_u64().unwrap() < covered)
            };
            for _ in 0..100 {
                if sealed().await {
                    break;
                }
                actix_web::rt::time::sleep(std::time::Duration::from_millis(100)).await;
            }
            assert!(sealed().await);
            let report = verified(&app, key, heads(&app, key).await).await;
            assert!(report.is_sound() && report.entries > 0, "{:?}", report.findings);
        }
        stop.send_replace(true);
        tokio::time::timeout(std::time::Duration::from_secs(2), running).await.expect("it stops when told").unwrap();
    }

    async fn every_answer_carries_the_newest_head(app: App) {
        let tenant = tenant_with_log(&app, 1).await;
        let answer = app.get("/v1/tenant", &tenant.live).await;
        let line = answer.header("relance-checkpoint").expect("a head").to_owned();
        assert_eq!(heads(&app, &tenant.live).await.last(), Some(&line));
        assert_eq!(verified(&app, &tenant.live, vec![line]).await.kept, 1);
        let written = app.post("/v1/tokens", &tenant.live, Value::Null).await;
        assert!(written.header("relance-checkpoint").is_some());
    }

    async fn an_erased_person_is_gone_and_the_log_still_verifies(app: App) {
        let tenant = tenant_with_log(&app, 3).await;
        let kept = heads(&app, &tenant.live).await;
        let sent = entries(&app, &tenant.live).await.into_iter().find(|entry| entry["record"]["subject"] == "inv_3").unwrap();
        let path = format!("/v1/evidence/entries/{}/erase", sent["id"].as_str().unwrap());
        let wrong = app.post(&path, &tenant.live, json!({"fields": ["name"], "reason": "person_asked"})).await;
        assert_eq!((wrong.status, &wrong.body["errors"][0]["pointer"]), (422, &json!("/fields/0")));
        assert_eq!(app.post(&path, &tenant.live, json!({"reason": "because Mr Martin asked"})).await.status, 400);
        let half = app.post(&path, &tenant.live, json!({"fields": ["email"], "reason": "person_asked"})).await.expect(200);
        assert_eq!(half["disclosures"].as_array().unwrap().len(), 1);
        let whole = app.post(&path, &tenant.live, json!({"reason": "retention_ended"})).await.expect(200);
        assert_eq!((&whole["disclosures"], &whole["digest"]), (&json!([]), &sent["digest"]));
        app.post(&path, &tenant.live, json!({"reason": "retention_ended"})).await.expect(200);
        let said: Vec<_> = entries(&app, &tenant.live).await.into_iter().filter(|entry| entry["record"]["kind"] == "evidence.erased").collect();
        assert_eq!(said.len(), 2);
        for field in ["email", "phone"] {
            assert!(said.iter().any(|entry| entry["record"]["body"]["fields"] == json!([field])), "{field}");
        }
        assert!(said.iter().all(|entry| entry["record"]["privileged"] == true && entry["record"]["subject"] == sent["id"]));
        // Nobody sealed since: the export itself brings the two erasures under a head.
        let report = verified(&app, &tenant.live, kept).await;
        assert_eq!((report.findings, report.erased), (vec![], 2));
        let file = app.fetch("/v1/evidence/export", &tenant.live).await.unwrap();
        assert!(!String::from_utf8(file).unwrap().contains("canary3@"));
        let narrow = app.post("/v1/api-keys", &tenant.live, json!({"name": "reader", "scopes": ["evidence:read"]})).await.expect(201);
        assert_eq!(app.post(&path, narrow["secret"].as_str().unwrap(), json!({"reason": "ordered"})).await.status, 403);
    }

    async fn a_cut_or_an_older_copy_is_found_by_whoever_kept_a_head(app: App) {
        let tenant = tenant_with_log(&app, 2).await;
        let partition = live(&tenant);
        let mut copy = tamper::Copy::of(&app, partition);
        let older = heads(&app, &tenant.live).await;
        fill(&app, partition, 20..24);
        seal(&app, partition, 1_000).await;
        let kept = vec![heads(&app, &tenant.live).await.pop().unwrap()];
        copy.restore();
        assert_eq!(heads(&app, &tenant.live).await, older);
        assert!(verified(&app, &tenant.live, older.clone()).await.is_sound(), "by itself, an older copy is in order");
        assert!(!verified(&app, &tenant.live, kept.clone()).await.is_sound(), "rolled back");
        fill(&app, partition, 30..34);
        seal(&app, partition, 1_000).await;
        assert!(verified(&app, &tenant.live, older).await.is_sound());
        assert!(!verified(&app, &tenant.live, kept).await.is_sound(), "forked");
    }
}
