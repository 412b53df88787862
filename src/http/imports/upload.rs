//! A body on its way to the store: a piece at a time, each kept before the next is read.

use std::{sync::Arc, time::Duration};

use actix_web::dev::Payload;
use futures_util::StreamExt;

use super::{ImportQuery, Problem};
use crate::{
    actions::{self, Act, imports::files},
    domain::{crypto::Sha256, ids::ImportFileId, import::sniff},
    error::{Error, Result},
    http::Call,
    store::import_files::PIECE,
};

/// The largest file, in bytes.
const MAX_FILE: u64 = 64_000_000;
/// How long a piece may take to arrive.
const PIECE_DEADLINE: Duration = Duration::from_secs(10);
/// The media types of files that are taken.
const TYPES: [&str; 6] = ["text/csv", "application/xml", "text/xml", "application/pdf", "text/plain", "application/octet-stream"];

/// Refuses what is said to be no such file, and what is packed.
pub(super) fn check_type(call: &Call<(), ImportQuery>) -> std::result::Result<(), Problem> {
    let given = call.header("content-type").unwrap_or("application/octet-stream");
    let essence = given.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if !TYPES.contains(&essence.as_str()) {
        let detail = format!("the body is {essence:?}; send the file as {}", TYPES.join(", "));
        return Err(Problem::new("unsupported_media_type", detail));
    }
    match call.header("content-encoding") {
        None | Some("identity") => Ok(()),
        Some(packed) => Err(Problem::new("unsupported_media_type", format!("the body is packed as {packed:?}; send it as it is"))),
    }
}

/// Keeps the body as a file; its digest is returned with it.
pub(super) async fn keep(call: &Call<(), ImportQuery>, mut payload: Payload) -> std::result::Result<(ImportFileId, [u8; 32]), Problem> {
    let id = act(call, files::begin).await?;
    match pieces(call, &mut payload, id).await {
        Ok((digest, size)) => Ok((act(call, move |act| files::complete(act, id, &digest, size)).await?, digest)),
        Err(problem) => {
            act(call, move |act| files::discard(act, id)).await?;
            Err(problem)
        }
    }
}

async fn pieces(call: &Call<(), ImportQuery>, payload: &mut Payload, id: ImportFileId) -> std::result::Result<([u8; 32], u64), Problem> {
    let (mut digest, mut size, mut number) = (Sha256::default(), 0_u64, 0_i32);
    let mut rest = Vec::new();
    loop {
        let (piece, over) = tokio::time::timeout(PIECE_DEADLINE, piece(payload, &mut rest))
            .await
            .unwrap_or_else(|_| Err(Problem::new("timeout", format!("no {PIECE} bytes arrived within 10 seconds"))))?;
        size = size.saturating_add(u64::try_from(piece.len()).map_err(Error::internal)?);
        if size > MAX_FILE {
            return Err(Problem::new("too_large", format!("the file has more than {MAX_FILE} bytes: split it")));
        }
        if number == 0 {
            // What is no file that is read is not kept.
            sniff::format(&piece)?;
        }
        if !piece.is_empty() {
            digest.update(&piece);
            let piece = Arc::new(piece);
            act(call, move |act| files::add(act, id, number, &piece)).await?;
            number = number.saturating_add(1);
        }
        if over {
            return Ok((digest.finish(), size));
        }
    }
}

/// The next piece, and whether it is the last; what came beyond it stays in `rest`.
async fn piece(payload: &mut Payload, rest: &mut Vec<u8>) -> std::result::Result<(Vec<u8>, bool), Problem> {
    while rest.len() < PIECE {
        let Some(part) = payload.next().await else { return Ok((std::mem::take(rest), true)) };
        rest.extend_from_slice(&part.map_err(|error| Problem::new("malformed", format!("the body could not be read: {error}")))?);
    }
    let after = rest.split_off(PIECE);
    Ok((std::mem::replace(rest, after), false))
}

async fn act<T: Send + 'static>(call: &Call<(), ImportQuery>, work: impl Fn(&mut Act<'_>) -> Result<T> + Send + 'static) -> Result<T> {
    actions::run(&call.state.db, &call.state.clock, call.tenant(), &call.caller.actor, work).await
}
