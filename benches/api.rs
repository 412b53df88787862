//! `POST /v1/invoices` beside the least that a server of the same parts can do: one row, one transaction.

use std::{
    net::TcpListener,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use actix_web::{App, HttpResponse, HttpServer, dev::ServerHandle, web};
use diesel::{
    ExpressionMethods, PgConnection, QueryResult, RunQueryDsl, SqliteConnection,
    connection::SimpleConnection,
    r2d2::{ConnectionManager, CustomizeConnection, Pool},
};
use relance::{domain::ids::Mode, store::DatabaseUrl};
use serde_json::Value;

use crate::{
    figures::Latency,
    world::{CONNECTIONS, caller},
};

/// Requests under way at once.
pub const AT_ONCE: usize = 64;

diesel::table! {
    bare (id) {
        id -> Text,
        body -> Text,
    }
}

type Insert = Arc<dyn Fn(String, String) -> QueryResult<usize> + Send + Sync>;

/// A server that inserts one row for each request, and does not look at it.
pub struct Bare {
    pub url: String,
    server: ServerHandle,
}

#[derive(Debug)]
struct Durable;

impl CustomizeConnection<SqliteConnection, diesel::r2d2::Error> for Durable {
    fn on_acquire(&self, conn: &mut SqliteConnection) -> Result<(), diesel::r2d2::Error> {
        let settings = "PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL";
        conn.batch_execute(settings).map_err(diesel::r2d2::Error::QueryError)
    }
}

const TABLE: &str = "CREATE TABLE bare (id text NOT NULL PRIMARY KEY, body text NOT NULL)";

impl Bare {
    pub fn start(database: &str) -> Self {
        let insert: Insert = match database.parse::<DatabaseUrl>().unwrap() {
            DatabaseUrl::Postgres(url) => {
                let pool = Pool::builder().max_size(CONNECTIONS).build(ConnectionManager::<PgConnection>::new(url)).unwrap();
                pool.get().unwrap().batch_execute(TABLE).unwrap();
                Arc::new(move |id, body| {
                    let row = (bare::id.eq(id), bare::body.eq(body));
                    diesel::insert_into(bare::table).values(row).execute(&mut pool.get().unwrap())
                })
            }
            // There is one writer, as there is in the product.
            DatabaseUrl::Sqlite(path) => {
                let manager = ConnectionManager::<SqliteConnection>::new(path.to_str().unwrap());
                let pool = Pool::builder().max_size(1).connection_customizer(Box::new(Durable)).build(manager).unwrap();
                pool.get().unwrap().batch_execute(TABLE).unwrap();
                Arc::new(move |id, body| {
                    let row = (bare::id.eq(id), bare::body.eq(body));
                    diesel::insert_into(bare::table).values(row).execute(&mut pool.get().unwrap())
                })
            }
        };
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let data = web::Data::new(insert);
        let server = HttpServer::new(move || App::new().app_data(data.clone()).route("/", web::post().to(record)));
        let server = server.workers(2).disable_signals().listen(listener).unwrap().run();
        let handle = server.handle();
        actix_web::rt::spawn(server);
        Self { url, server: handle }
    }

    pub async fn stop(self) {
        self.server.stop(false).await;
    }
}

#[expect(clippy::disallowed_methods, reason = "the bare server has nothing but what its parts give")]
async fn record(insert: web::Data<Insert>, body: web::Json<Value>) -> HttpResponse {
    let (id, text) = (uuid::Uuid::now_v7().to_string(), body.to_string());
    web::block(move || insert(id, text)).await.unwrap().unwrap();
    HttpResponse::Created().json(body.into_inner())
}

/// Posts the bodies from a thread of its own, [`AT_ONCE`] connections each sending one after the other.
pub async fn load(url: &str, key: &str, bodies: Vec<Value>) -> Latency {
    let (url, key) = (url.to_owned(), key.to_owned());
    let (done, measured) = tokio::sync::oneshot::channel();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        drop(done.send(runtime.block_on(post_all(&url, &key, bodies))));
    });
    measured.await.unwrap()
}

async fn post_all(url: &str, key: &str, bodies: Vec<Value>) -> Latency {
    let net = caller();
    let bodies: Vec<String> = bodies.iter().map(Value::to_string).collect();
    let share = bodies.len().div_ceil(AT_ONCE);
    let started = Instant::now();
    let connections = bodies.chunks(share).map(async |mine| {
        let mut times = Vec::with_capacity(mine.len());
        for body in mine {
            let sent = Instant::now();
            let request = net.post(Mode::Live, url).unwrap().bearer_auth(key).header("content-type", "application/json");
            let answer = request.body(body.clone()).send().await.unwrap();
            let status = answer.status();
            let text = answer.text().await.unwrap();
            assert_eq!(status, 201, "{text}");
            times.push(sent.elapsed());
        }
        times
    });
    let times: Vec<Vec<Duration>> = futures_util::future::join_all(connections).await;
    Latency::new(times.into_iter().flatten().collect(), started.elapsed())
}
