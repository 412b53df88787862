//! Pages of a list: an opaque cursor that holds its place while rows come and go.
//!
//! A cursor is signed, and bound to the tenant, the path, the filters and the order it was made for: it gives no right, and cannot be carried over to
//! another list. In an order other than that of recording it carries what the last row was sorted by, so that a row that changes or goes leaves the
//! place where it was.

use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Call, Problem, State, subject};
use crate::{
    domain::{
        crypto,
        ids::{Id, Kind},
        invalid::Faults,
    },
    error::Error,
};

/// How many rows a page has unless told otherwise.
const DEFAULT: i64 = 50;
/// The bytes of a cursor that sign it.
const MAC: usize = 12;

/// One page.
#[derive(Debug, Serialize, ToSchema)]
pub struct Page<T> {
    /// The rows.
    #[schema(max_items = 200)]
    pub data: Vec<T>,
    /// Whether there are more.
    pub has_more: bool,
    /// Give this as `cursor` to get them.
    #[schema(max_length = 1_000)]
    pub next_cursor: Option<String>,
    /// How many rows there are on all pages; with `include=total_count` alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0)]
    pub total_count: Option<i64>,
}

impl<T> Page<T> {
    /// All there is.
    pub const fn whole(data: Vec<T>) -> Self {
        Self { data, has_more: false, next_cursor: None, total_count: None }
    }
}

/// Where a page begins, and how long it is.
#[derive(Debug, Clone, Copy)]
pub struct Window {
    after: Option<Uuid>,
    /// Rows to show.
    pub limit: i64,
    /// Whether all rows are to be counted.
    pub counts: bool,
    /// How many there are, if they were.
    pub total: Option<i64>,
}

/// The row that a page ends with, and what it was sorted by where that is not its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    id: Uuid,
    key: String,
}

impl From<Uuid> for Place {
    fn from(id: Uuid) -> Self {
        Self { id, key: String::new() }
    }
}

impl From<(Uuid, Option<String>)> for Place {
    fn from((id, key): (Uuid, Option<String>)) -> Self {
        Self { id, key: key.unwrap_or_default() }
    }
}

/// The two parameters that every list takes.
#[derive(Debug, Clone, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// How many rows at most.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    #[param(max_length = 1_000)]
    cursor: Option<String>,
}

/// What a list tells beside its rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Include {
    /// How many rows there are on all pages.
    TotalCount,
}

/// What a list that can be counted takes.
#[derive(Debug, Clone, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct CountQuery {
    /// What to tell beside the rows.
    #[param(style = Form, explode = false, max_items = 1)]
    include: Option<Vec<Include>>,
}

/// What a request says about pages, and about what is shown with its rows.
#[derive(Debug, Default)]
pub struct Paging {
    page: PageQuery,
    include: Vec<Include>,
    /// What to put beside the ids that stand for it.
    pub expand: Vec<String>,
}

impl Paging {
    /// Read off a checked query.
    ///
    /// # Errors
    /// None of a query that passed the contract.
    pub fn of(query: &Value) -> serde_json::Result<Self> {
        #[derive(Deserialize)]
        struct Expand {
            #[serde(default)]
            expand: Vec<String>,
        }
        if query.as_object().is_none_or(serde_json::Map::is_empty) {
            return Ok(Self::default());
        }
        let include = CountQuery::deserialize(query)?.include.unwrap_or_default();
        Ok(Self { page: PageQuery::deserialize(query)?, include, expand: Expand::deserialize(query)?.expand })
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

    /// The same, with how many rows there are.
    #[must_use]
    pub const fn of(self, total: Option<i64>) -> Self {
        Self { total, ..self }
    }

    /// How many rows to read: one more than shown, to know whether there are more.
    pub const fn fetch(self) -> i64 {
        self.limit.saturating_add(1)
    }
}

impl<Body, Query> Call<Body, Query> {
    /// Where this request's page begins.
    ///
    /// # Errors
    /// A cursor that was not made for this list.
    pub fn window(&self) -> Result<Window, Problem> {
        let limit = self.paging.page.limit.unwrap_or(DEFAULT);
        Ok(Window { after: self.place()?.map(|place| place.id), limit, counts: !self.paging.include.is_empty(), total: None })
    }

    /// What the last row of the page before was sorted by, in a list that has an order.
    ///
    /// # Errors
    /// As [`Call::window`], or a key that is none of this list's.
    pub fn sorted_after<K: std::str::FromStr>(&self) -> Result<Option<K>, Problem> {
        let key = self.place()?.map(|place| place.key).filter(|key| !key.is_empty());
        key.map(|key| key.parse().map_err(|_| wrong_cursor())).transpose()
    }

    /// Answers with a page of `rows`, of which there may be one more than asked for.
    ///
    /// # Errors
    /// When the cryptographic library fails; what is wrong with an expansion.
    pub async fn page<Row, View: Serialize, P: Into<Place>>(
        &self,
        window: Window,
        mut rows: Vec<Row>,
        last: impl Fn(&Row) -> P,
        view: impl Fn(Row) -> View,
    ) -> super::call::Answer {
        let limit = usize::try_from(window.limit).unwrap_or(usize::MAX);
        let has_more = rows.len() > limit;
        rows.truncate(limit);
        let next_cursor = rows.last().filter(|_| has_more).map(|row| self.seal_cursor(&last(row).into())).transpose()?;
        self.shown(Page { data: rows.into_iter().map(view).collect(), has_more, next_cursor, total_count: window.total }).await
    }

    /// As [`Call::page`], of a list that grows at its end: there is always a cursor to go on with.
    ///
    /// # Errors
    /// As [`Call::page`].
    pub async fn feed<View: Serialize>(&self, window: Window, mut rows: Vec<View>, last: impl Fn(&View) -> Uuid) -> super::call::Answer {
        let limit = usize::try_from(window.limit).unwrap_or(usize::MAX);
        let has_more = rows.len() > limit;
        rows.truncate(limit);
        let place = rows.last().map(last).or(window.after);
        let next_cursor = place.map(|place| self.seal_cursor(&place.into())).transpose()?;
        self.shown(Page { data: rows, has_more, next_cursor, total_count: None }).await
    }

    async fn shown<View: Serialize>(&self, page: Page<View>) -> super::call::Answer {
        let link = page.next_cursor.as_ref().map(|cursor| format!("<{}?{}>; rel=\"next\"", self.uri_path(), self.with_cursor(cursor)));
        let mut answer = self.answer(actix_web::http::StatusCode::OK);
        if let Some(link) = link {
            answer.insert_header(("Link", link));
        }
        let body = subject::json(&page).map_err(|error| self.problem(error))?;
        Ok(answer.content_type("application/json").body(self.expanded(body, true).await?))
    }

    fn seal_cursor(&self, place: &Place) -> Result<String, Problem> {
        let mac = self.cursor_mac(place)?;
        Ok(BASE64URL_NOPAD.encode(&[mac.get(..MAC).unwrap_or_default(), place.id.as_bytes().as_slice(), place.key.as_bytes()].concat()))
    }

    fn place(&self) -> Result<Option<Place>, Problem> {
        self.paging.page.cursor.as_deref().map(|cursor| self.open_cursor(cursor)).transpose()
    }

    fn open_cursor(&self, cursor: &str) -> Result<Place, Problem> {
        let bytes = BASE64URL_NOPAD.decode(cursor.as_bytes()).map_err(|_| wrong_cursor())?;
        let (mac, rest) = bytes.split_at_checked(MAC).ok_or_else(wrong_cursor)?;
        let (id, key) = rest.split_at_checked(16).ok_or_else(wrong_cursor)?;
        let id = Uuid::from_slice(id).map_err(|_| wrong_cursor())?;
        let place = Place { id, key: String::from_utf8(key.to_vec()).map_err(|_| wrong_cursor())? };
        let expected = self.cursor_mac(&place)?;
        if crypto::same(mac, expected.get(..MAC).unwrap_or_default()) { Ok(place) } else { Err(wrong_cursor()) }
    }

    fn cursor_mac(&self, place: &Place) -> Result<[u8; 32], Problem> {
        let key = cursor_key(&self.state)?;
        let filters = self.filters();
        Ok(crypto::sha256(&[
            &key,
            self.tenant().uuid().as_bytes(),
            self.uri_path().as_bytes(),
            b"?",
            filters.as_bytes(),
            place.id.as_bytes(),
            place.key.as_bytes(),
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

fn wrong_cursor() -> Problem {
    let detail = "this cursor was not made for this list; use next_cursor as it was given, with the same parameters";
    Error::Malformed(Faults::one("?cursor", "wrong_cursor", detail)).into()
}

fn cursor_key(state: &State) -> Result<[u8; 32], Problem> {
    crypto::derive(&state.config.secrets.current, "page cursors").map_err(|error| Error::internal(error).into())
}
