//! What stands between a client and a server, and lets nothing pass while it is told to: as a server that is stopped, or a
//! network that is gone.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use mltui::mlflow::ViewType;
use mltui::store::Store;

use super::stores::block_on;

pub struct Bridge {
    pub port: u16,
    silent: Arc<AtomicBool>,
}

impl Bridge {
    /// A bridge to the server at a port of this machine.
    pub fn to(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let silent = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&silent);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(server) = TcpStream::connect(("127.0.0.1", server)) else { return };
                let ways = [(client.try_clone().unwrap(), server.try_clone().unwrap()), (server, client)];
                for (from, to) in ways {
                    let told = Arc::clone(&told);
                    thread::spawn(move || pass(from, to, &told));
                }
            }
        });
        Self { port, silent }
    }

    pub fn silence(&self, silent: bool) {
        self.silent.store(silent, Ordering::SeqCst);
    }
}

/// A store by way of a bridge that falls silent says so, and is as before when the bridge is.
pub fn told_as_silent(store: &Store, bridge: &Bridge) {
    let look = || block_on(store.search_experiments(ViewType::All)).map(|found| found.len());
    assert_eq!(look(), Ok(1));
    // Whoever answered within a second is not asked whether it is there.
    thread::sleep(Duration::from_millis(1_100));
    bridge.silence(true);
    let error = look().unwrap_err();
    assert!(error.to_string().contains("does not answer") && error.is_transient(), "{error}");
    bridge.silence(false);
    assert_eq!(look(), Ok(1));
}

fn pass(mut from: TcpStream, mut to: TcpStream, silent: &AtomicBool) {
    let mut part = vec![0; 65_536];
    while let Ok(length @ 1..) = from.read(&mut part) {
        while silent.load(Ordering::SeqCst) {
            thread::sleep(Duration::from_millis(20));
        }
        if to.write_all(&part[..length]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
}
