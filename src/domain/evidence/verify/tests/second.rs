//! A second verifier, written from the documentation of the formats alone: slow, recursive, over plain JSON, with none of the
//! first one's code. It knows sound from unsound and nothing else.

use aws_lc_rs::{
    digest::{SHA256, digest},
    signature::{ED25519, UnparsedPublicKey},
};
use data_encoding::{BASE64, HEXLOWER};
use serde_json::{Map, Value, json};

type Answer<T> = Option<T>;

/// Whether a whole file is in order.
pub fn is_sound(file: &str) -> bool {
    file.ends_with('\n') && read(file).is_some()
}

fn sha(bytes: &[u8]) -> Vec<u8> {
    digest(&SHA256, bytes).as_ref().to_vec()
}

fn root(leaves: &[Vec<u8>]) -> Vec<u8> {
    if leaves.len() < 2 {
        return leaves.first().cloned().unwrap_or_else(|| sha(b""));
    }
    let mut k = 1;
    while 2 * k < leaves.len() {
        k *= 2;
    }
    sha(&[vec![1], root(&leaves[..k]), root(&leaves[k..])].concat())
}

fn demand(truth: bool) -> Answer<()> {
    truth.then_some(())
}

/// An object with just these keys.
fn object<'a>(value: &'a Value, keys: &[&str]) -> Answer<&'a Map<String, Value>> {
    let members = value.as_object()?;
    demand(members.len() == keys.len() && keys.iter().all(|key| members.contains_key(*key)))?;
    Some(members)
}

fn uuid(text: &str, prefix: &str) -> Answer<u128> {
    let digits = text.strip_prefix(prefix)?;
    demand(digits.len() == 26 && digits.as_bytes()[0] <= b'7')?;
    digits.chars().try_fold(0u128, |sum, digit| Some(sum * 32 + u128::try_from("0123456789abcdefghjkmnpqrstvwxyz".find(digit)?).ok()?))
}

fn read(file: &str) -> Answer<()> {
    let lines: Vec<Value> = file.lines().map(|line| serde_json::from_str(line).ok()).collect::<Answer<_>>()?;
    let header = object(object(lines.first()?, &["header"])?.get("header")?, &["version", "tenant", "mode", "public_keys"])?;
    demand(header["version"] == json!(1))?;
    let (tenant, mode) = (header["tenant"].as_str()?, header["mode"].as_str()?);
    let bit = u128::try_from(["live", "test"].iter().position(|known| *known == mode)?).ok()?;
    let partition = uuid(tenant, "ten_")? & !1 | bit;
    demand(uuid(tenant, "ten_")? & 1 == 0)?;
    let keys: Vec<Vec<u8>> =
        header["public_keys"].as_array()?.iter().map(|key| BASE64.decode(key.as_str()?.as_bytes()).ok()).collect::<Answer<_>>()?;
    let (mut leaves, mut previous, mut used) = (Vec::new(), 0, vec![0; keys.len()]);
    for line in &lines[1..] {
        if let Some(text) = line.get("checkpoint") {
            object(line, &["checkpoint"])?;
            let by = checkpoint(text.as_str()?, &format!("relance/{tenant}/{mode}"), previous, &leaves, &keys)?;
            used[by] += 1;
            previous = leaves.len();
        } else {
            leaves.push(entry(object(line, &["entry"])?.get("entry")?, leaves.len(), partition, mode)?);
        }
    }
    demand(erasures(&lines))?;
    demand(previous == leaves.len() && used.iter().all(|count| *count > 0))
}

/// Whether each field that is committed to and not shown is named by an entry about its erasure.
fn erasures(lines: &[Value]) -> bool {
    let entries: Vec<&Value> = lines.iter().filter_map(|line| line.get("entry")).collect();
    let texts = |list: &Value, name: &str| -> Vec<String> {
        list.as_array()
            .into_iter()
            .flatten()
            .filter_map(|one| if name.is_empty() { one.as_str() } else { one[name].as_str() })
            .map(str::to_owned)
            .collect()
    };
    let mut covered = true;
    for entry in &entries {
        let open = texts(&entry["disclosures"], "field");
        for field in texts(&entry["record"]["commitments"], "field").iter().filter(|field| !open.contains(field)) {
            covered &= entries.iter().any(|other| {
                let record = &other["record"];
                record["kind"] == "evidence.erased"
                    && record["subject"] == entry["record"]["id"]
                    && texts(&record["body"]["fields"], "").contains(field)
            });
        }
    }
    covered
}

/// The place of the key that signed.
fn checkpoint(text: &str, origin: &str, before: usize, leaves: &[Vec<u8>], keys: &[Vec<u8>]) -> Answer<usize> {
    let [size, previous, root_text, time, id, signature] = text.split(':').collect::<Vec<_>>().try_into().ok()?;
    demand(size == leaves.len().to_string() && previous == before.to_string() && before < leaves.len())?;
    demand(root_text == BASE64.encode(&root(leaves)))?;
    let signed = format!("{origin}\n{size}\n{root_text}\nprevious {previous}\ntime {time}\n");
    let signature = BASE64.decode(signature.as_bytes()).ok()?;
    keys.iter().position(|key| {
        let named = sha(&[origin.as_bytes(), b"\n\x01", key].concat());
        HEXLOWER.encode(&named[..4]) == id && UnparsedPublicKey::new(&ED25519, key).verify(signed.as_bytes(), &signature).is_ok()
    })
}

/// The leaf.
fn entry(value: &Value, place: usize, partition: u128, mode: &str) -> Answer<Vec<u8>> {
    let sealed = object(value, &["index", "record", "digest", "disclosures"])?;
    demand(sealed["index"] == json!(place))?;
    let names = ["id", "kind", "subject", "actor", "privileged", "occurred_at", "recorded_at", "body", "commitments"];
    let record = object(&sealed["record"], &names)?;
    let mut fields: Vec<Vec<u8>> = vec![b"relance/evidence/1".to_vec(), partition.to_be_bytes().to_vec(), mode.into()];
    fields.push(uuid(record["id"].as_str()?, "evi_")?.to_be_bytes().to_vec());
    for name in ["kind", "subject", "actor"] {
        fields.push(record[name].as_str()?.into());
    }
    fields.push(vec![u8::from(record["privileged"].as_bool()?)]);
    for name in ["occurred_at", "recorded_at"] {
        let text = record[name].as_str()?;
        demand(text.len() == 27 && text.ends_with('Z'))?;
        fields.push(text.parse::<chrono::DateTime<chrono::Utc>>().ok()?.timestamp_micros().to_be_bytes().to_vec());
    }
    fields.push(canonical(&record["body"])?.into());
    let mut committed = Vec::new();
    for commitment in record["commitments"].as_array()? {
        let commitment = object(commitment, &["field", "digest"])?;
        let (field, digest) = (commitment["field"].as_str()?, HEXLOWER.decode(commitment["digest"].as_str()?.as_bytes()).ok()?);
        fields.extend([field.into(), digest.clone()]);
        committed.push((field, digest));
    }
    demand(committed.windows(2).all(|pair| pair[0].0 < pair[1].0))?;
    disclosures(&sealed["disclosures"], &committed)?;
    let encoded = fields.iter().flat_map(|field| [&u32::try_from(field.len()).unwrap().to_be_bytes()[..], field].concat());
    let leaf = sha(&[0].into_iter().chain(encoded).collect::<Vec<u8>>());
    demand(sealed["digest"] == json!(HEXLOWER.encode(&leaf)))?;
    Some(leaf)
}

fn disclosures(value: &Value, committed: &[(&str, Vec<u8>)]) -> Answer<()> {
    let mut last = None;
    for disclosure in value.as_array()? {
        let disclosure = object(disclosure, &["field", "salt", "value"])?;
        let field = disclosure["field"].as_str()?;
        let salt = HEXLOWER.decode(disclosure["salt"].as_str()?.as_bytes()).ok()?;
        let digest = sha(&[&salt, disclosure["value"].as_str()?.as_bytes()].concat());
        demand(last < Some(field) && committed.contains(&(field, digest)))?;
        last = Some(field);
    }
    Some(())
}

fn canonical(value: &Value) -> Answer<String> {
    Some(match value {
        Value::Number(number) => number.as_i64()?.to_string(),
        Value::Array(items) => format!("[{}]", items.iter().map(canonical).collect::<Answer<Vec<_>>>()?.join(",")),
        Value::Object(members) => {
            let mut keys: Vec<_> = members.keys().collect();
            keys.sort();
            let parts = keys.iter().map(|key| Some(format!("{}:{}", json!(key), canonical(&members[key.as_str()])?)));
            format!("{{{}}}", parts.collect::<Answer<Vec<_>>>()?.join(","))
        }
        plain => plain.to_string(),
    })
}
