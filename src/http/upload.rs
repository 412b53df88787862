//! A body that is a file, on its way to the store: a piece at a time, each kept before the next is read.

use std::{sync::Arc, time::Duration};

use actix_web::dev::Payload;
use futures_util::StreamExt;

use super::{Call, Problem};
use crate::{
    actions::{self, Act, files},
    domain::{crypto::Sha256, ids::FileId},
    error::{Error, Result},
    store::files::PIECE,
};

/// How long a piece may take to arrive.
const PIECE_DEADLINE: Duration = Duration::from_secs(10);

/// The body's media type, which is one of `taken`.
///
/// # Errors
/// `unsupported_media_type`: another one, none though one is needed, or a body that is packed.
pub(super) fn media_type<Q>(call: &Call<(), Q>, taken: &[&'static str]) -> std::result::Result<&'static str, Problem> {
    let given = call.header("content-type").unwrap_or("application/octet-stream");
    let essence = given.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let Some(known) = taken.iter().find(|known| **known == essence) else {
        let detail = format!("the body is {essence:?}; send the file as {}", taken.join(", "));
        return Err(Problem::new("unsupported_media_type", detail));
    };
    match call.header("content-encoding") {
        None | Some("identity") => Ok(known),
        Some(packed) => Err(Problem::new("unsupported_media_type", format!("the body is packed as {packed:?}; send it as it is"))),
    }
}

/// Keeps the body as a file, by its digest, and counts it among what the `Idempotency-Key` stands for. `look` is shown each piece before it is kept, and told
/// whether it is the last.
///
/// # Errors
/// `too_large`, `timeout`, a broken connection, and what `look` finds; nothing is kept then.
pub(super) async fn keep<Q>(
    call: &mut Call<(), Q>,
    mut payload: Payload,
    most: u64,
    look: impl FnMut(&[u8], bool) -> std::result::Result<(), Problem>,
) -> std::result::Result<FileId, Problem> {
    let id = act(call, files::begin).await?;
    match pieces(call, &mut payload, id, most, look).await {
        Ok((digest, size)) => {
            call.with_body(&digest);
            Ok(act(call, move |act| files::complete(act, id, &digest, size)).await?)
        }
        Err(problem) => {
            act(call, move |act| files::discard(act, id)).await?;
            Err(problem)
        }
    }
}

async fn pieces<Q>(
    call: &Call<(), Q>,
    payload: &mut Payload,
    id: FileId,
    most: u64,
    mut look: impl FnMut(&[u8], bool) -> std::result::Result<(), Problem>,
) -> std::result::Result<([u8; 32], u64), Problem> {
    let (mut digest, mut size, mut number) = (Sha256::default(), 0_u64, 0_i32);
    let mut rest = Vec::new();
    loop {
        let (piece, last) = tokio::time::timeout(PIECE_DEADLINE, piece(payload, &mut rest))
            .await
            .unwrap_or_else(|_| Err(Problem::new("timeout", format!("no {PIECE} bytes arrived within 10 seconds"))))?;
        size = size.saturating_add(u64::try_from(piece.len()).map_err(Error::internal)?);
        if size > most {
            return Err(Problem::new("too_large", format!("the file has more than {most} bytes")));
        }
        look(&piece, last)?;
        if !piece.is_empty() {
            digest.update(&piece);
            let piece = Arc::new(piece);
            act(call, move |act| files::add(act, id, number, &piece)).await?;
            number = number.saturating_add(1);
        }
        if last {
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

async fn act<T: Send + 'static, Q>(call: &Call<(), Q>, work: impl Fn(&mut Act<'_>) -> Result<T> + Send + 'static) -> Result<T> {
    actions::run(&call.state.db, &call.state.clock, call.tenant(), &call.caller.actor, work).await
}
