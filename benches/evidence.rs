//! The verifier of an exported log, beside the hash of the same bytes.

use std::{borrow::Cow, hint::black_box, time::Instant};

use chrono::DateTime;
use relance::domain::{
    crypto::sha256,
    evidence::{
        checkpoint::{Signer, Statement},
        entry::{Disclosure, Entry},
        export::{Header, Line, Sealed},
        tree::Tree,
        verify::{Trust, verify},
    },
    ids::{EvidenceId, TenantId},
};
use serde_json::json;

use crate::{figures::rate, world::MASTER_KEY};

fn entry(index: u64, tenant: TenantId) -> Sealed {
    let at = DateTime::from_timestamp(1_767_225_600 + i64::try_from(index).unwrap(), 5_000).unwrap();
    let disclosures = vec![Disclosure { field: "email".into(), salt: [1; 32], value: format!("accounts{index}@client.example") }];
    let record = Entry {
        id: EvidenceId::from_uuid(uuid::Uuid::from_u128(u128::from(index))),
        kind: "message.sent".into(),
        subject: format!("inv_{index}"),
        actor: "system".into(),
        privileged: false,
        occurred_at: at,
        recorded_at: at,
        body: json!({"total": index, "lines": [{"net": index + 1, "text": "Rappel : facture échue"}], "none": null}),
        commitments: disclosures.iter().map(Disclosure::commitment).collect(),
    };
    Sealed { index, digest: record.digest(tenant).unwrap(), record, disclosures }
}

fn log(entries: u64) -> Vec<u8> {
    let tenant = TenantId::from_uuid(uuid::Uuid::from_u128(2));
    let signer = Signer::derive(&MASTER_KEY).unwrap();
    let (mut file, mut tree) = (Vec::new(), Tree::default());
    let header = Header::new(tenant, vec![signer.public_key().unwrap()]);
    Line::Header(Cow::Owned(header)).write(&mut file).unwrap();
    for index in 0..entries {
        let entry = entry(index, tenant);
        tree.push(entry.digest, |_| ());
        Line::Entry(Cow::Owned(entry)).write(&mut file).unwrap();
    }
    let statement = Statement::new(tenant, 0, tree.size(), tree.root(), DateTime::from_timestamp(1_767_300_000, 0).unwrap());
    Line::Checkpoint(Cow::Owned(signer.sign(statement).unwrap().line())).write(&mut file).unwrap();
    file
}

/// Entries a second: verified, and hashed as bytes.
pub fn verified(entries: usize) -> (f64, f64) {
    let file = log(u64::try_from(entries).unwrap());
    let begun = Instant::now();
    let report = verify(file.as_slice(), &Trust::default()).unwrap();
    let ours = begun.elapsed();
    assert!(report.is_sound() && report.entries == u64::try_from(entries).unwrap(), "{:?}", report.findings);
    let begun = Instant::now();
    black_box(sha256(&[black_box(&file)]));
    (rate(entries, ours), rate(entries, begun.elapsed()))
}
