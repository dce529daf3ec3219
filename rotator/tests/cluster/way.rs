//! A way to the database that loses connections without a word, as an address that moves to another machine does.

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use tokenferry_tests::postgres::Database as Postgres;

/// It ends when this is dropped.
pub(crate) struct Way {
    url: String,
    swallowed: watch::Sender<()>,
    _connections: JoinSet<()>,
}

impl Way {
    pub(crate) async fn to(database: &Postgres) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (port, ours) = (database.port(), listener.local_addr().unwrap().port());
        let (swallowed, lost) = watch::channel(());
        let mut connections = JoinSet::new();
        connections.spawn(async move {
            let mut all = JoinSet::new();
            loop {
                let (client, _) = listener.accept().await.unwrap();
                all.spawn(forward(client, port, lost.clone()));
            }
        });
        let url = database.url().replace(&format!(":{port}/"), &format!(":{ours}/"));
        Way { url, swallowed, _connections: connections }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The connections that there are lead nowhere from now on, and neither side is told.
    pub(crate) fn swallow(&self) {
        self.swallowed.send_replace(());
    }
}

async fn forward(mut client: TcpStream, port: u16, mut lost: watch::Receiver<()>) {
    lost.mark_unchanged();
    let Ok(mut server) = TcpStream::connect(("127.0.0.1", port)).await else { return };
    tokio::select! {
        _ = copy_bidirectional(&mut client, &mut server) => {}
        Ok(()) = lost.changed() => std::future::pending().await,
    }
}
