//! Pages of a list: an opaque cursor that holds its place while rows come and go.
//!
//! A cursor is signed, and bound to the tenant, the path and the filters it was made for: it gives no right, and cannot be carried over to another list.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Call, Problem, State};
use crate::{
    domain::{
        crypto,
        ids::{Id, Kind},
        invalid::Faults,
    },
    error::Error,
};
use data_encoding::BASE64URL_NOPAD;

/// How many rows a page has unless told otherwise.
const DEFAULT: i64 = 50;

/// One page.
#[derive(Debug, Serialize, ToSchema)]
pub struct Page<T> {
    /// The rows.
    #[schema(max_items = 200)]
    pub data: Vec<T>,
    /// Whether there are more.
    pub has_more: bool,
    /// Give this as `cursor` to get them.
    #[schema(max_length = 500)]
    pub next_cursor: Option<String>,
}

/// Where a page begins, and how long it is.
#[derive(Debug, Clone, Copy)]
pub struct Window {
    after: Option<Uuid>,
    /// Rows to show.
    pub limit: i64,
}

/// The two parameters that every list takes.
pub trait Paged {
    /// The `cursor` parameter.
    fn cursor(&self) -> Option<&str>;
    /// The `limit` parameter.
    fn limit(&self) -> Option<i64>;
}

/// The two parameters that every list takes, for lists without filters.
#[derive(Debug, Clone, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// How many rows at most.
    #[param(minimum = 1, maximum = 200, default = 50)]
    pub limit: Option<i64>,
    /// `next_cursor` of the page before.
    #[param(max_length = 500)]
    pub cursor: Option<String>,
}

impl Paged for PageQuery {
    fn cursor(&self) -> Option<&str> {
        self.cursor.as_deref()
    }
    fn limit(&self) -> Option<i64> {
        self.limit
    }
}

impl Window {
    /// The id after which the page begins.
    pub fn after<K: Kind>(self) -> Option<Id<K>> {
        self.after.map(Id::from_uuid)
    }

    /// As [`Window::after`], untyped.
    pub const fn after_uuid(self) -> Option<Uuid> {
        self.after
    }

    /// How many rows to read: one more than shown, to know whether there are more.
    pub const fn fetch(self) -> i64 {
        self.limit.saturating_add(1)
    }
}

impl<Body, Query: Paged> Call<Body, Query> {
    /// Where this request's page begins.
    ///
    /// # Errors
    /// A cursor that was not made for this list.
    pub fn window(&self) -> Result<Window, Problem> {
        let after = self.query.cursor().map(|cursor| self.open_cursor(cursor)).transpose()?;
        Ok(Window { after, limit: self.query.limit().unwrap_or(DEFAULT) })
    }

    /// Answers with a page of `rows`, of which there may be one more than asked for.
    ///
    /// # Errors
    /// When the cryptographic library fails.
    pub fn page<Row, View: Serialize>(
        &self,
        window: Window,
        mut rows: Vec<Row>,
        last: impl Fn(&Row) -> Uuid,
        view: impl Fn(Row) -> View,
    ) -> super::call::Answer {
        let limit = usize::try_from(window.limit).unwrap_or(usize::MAX);
        let has_more = rows.len() > limit;
        rows.truncate(limit);
        let next_cursor = rows.last().filter(|_| has_more).map(|row| self.seal_cursor(last(row))).transpose()?;
        self.shown(rows.into_iter().map(view).collect(), has_more, next_cursor)
    }

    /// As [`Call::page`], of a list that grows at its end: there is always a cursor to go on with.
    ///
    /// # Errors
    /// As [`Call::page`].
    pub fn feed<View: Serialize>(&self, window: Window, mut rows: Vec<View>, last: impl Fn(&View) -> Uuid) -> super::call::Answer {
        let limit = usize::try_from(window.limit).unwrap_or(usize::MAX);
        let has_more = rows.len() > limit;
        rows.truncate(limit);
        let place = rows.last().map(last).or(window.after);
        let next_cursor = place.map(|place| self.seal_cursor(place)).transpose()?;
        self.shown(rows, has_more, next_cursor)
    }

    fn shown<View: Serialize>(&self, data: Vec<View>, has_more: bool, next_cursor: Option<String>) -> super::call::Answer {
        let link = next_cursor.as_ref().map(|cursor| format!("<{}?{}>; rel=\"next\"", self.uri_path(), self.with_cursor(cursor)));
        let page = Page { data, has_more, next_cursor };
        let mut answer = self.answer(actix_web::http::StatusCode::OK);
        if let Some(link) = link {
            answer.insert_header(("Link", link));
        }
        Ok(answer.json(page))
    }

    fn seal_cursor(&self, place: Uuid) -> Result<String, Problem> {
        let mac = self.cursor_mac(place)?;
        Ok(BASE64URL_NOPAD.encode(&[place.as_bytes().as_slice(), mac.get(..12).unwrap_or_default()].concat()))
    }

    fn open_cursor(&self, cursor: &str) -> Result<Uuid, Problem> {
        let wrong = || -> Problem {
            Error::Malformed(Faults::one(
                "?cursor",
                "wrong_cursor",
                "this cursor was not made for this list; use next_cursor as it was given, with the same parameters",
            ))
            .into()
        };
        let bytes = BASE64URL_NOPAD.decode(cursor.as_bytes()).map_err(|_| wrong())?;
        let (place, mac) = bytes.split_at_checked(16).ok_or_else(wrong)?;
        let place = Uuid::from_slice(place).map_err(|_| wrong())?;
        let expected = self.cursor_mac(place)?;
        if crypto::same(mac, expected.get(..12).unwrap_or_default()) { Ok(place) } else { Err(wrong()) }
    }

    fn cursor_mac(&self, place: Uuid) -> Result<[u8; 32], Problem> {
        let key = cursor_key(&self.state)?;
        let filters = self.filters();
        Ok(crypto::sha256(&[
            &key,
            self.tenant().uuid().as_bytes(),
            self.uri_path().as_bytes(),
            b"?",
            filters.as_bytes(),
            place.as_bytes(),
            &key,
        ]))
    }

    /// The query without its paging, in a fixed order.
    fn filters(&self) -> String {
        let mut pairs: Vec<(String, String)> = self.query_pairs().filter(|(name, _)| name != "cursor" && name != "limit").collect();
        pairs.sort();
        url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
    }

    fn with_cursor(&self, cursor: &str) -> String {
        let pairs = self.query_pairs().filter(|(name, _)| name != "cursor").chain([("cursor".to_owned(), cursor.to_owned())]);
        url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
    }
}

fn cursor_key(state: &State) -> Result<[u8; 32], Problem> {
    crypto::derive(&state.config.secrets.current, "page cursors").map_err(|error| Error::internal(error).into())
}
