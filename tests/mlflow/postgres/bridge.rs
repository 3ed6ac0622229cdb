//! What stands between a client and the server, and spoils what passes.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread;

/// What a client asks with whether it may encrypt.
const MAY_ENCRYPT: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];

/// What is spoilt.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Spoils {
    /// Encryption is promised, and breaks off.
    Encryption,
    /// No answer comes to the end of a transaction; it may arrive all the same.
    Commit { arrives: bool },
}

/// A bridge in front of the server at a port of this machine; its own port.
pub fn bridge(server: u16, spoils: Spoils) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            thread::spawn(move || {
                let _ = serve(client, server, spoils);
            });
        }
    });
    port
}

fn serve(mut client: TcpStream, server: u16, spoils: Spoils) -> std::io::Result<()> {
    let mut begin = [0; 8];
    client.read_exact(&mut begin)?;
    if begin == MAY_ENCRYPT && spoils == Spoils::Encryption {
        return client.write_all(b"S");
    }
    let mut server = TcpStream::connect(("127.0.0.1", server))?;
    server.write_all(&begin)?;
    let (mut from, mut to) = (server.try_clone()?, client.try_clone()?);
    thread::spawn(move || {
        let _ = std::io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Both);
    });
    let mut part = vec![0; 65_536];
    loop {
        let length = client.read(&mut part)?;
        let part = &part[..length];
        let is_end = part.windows(6).any(|word| word == b"COMMIT");
        match spoils {
            Spoils::Commit { arrives } if is_end => {
                client.shutdown(Shutdown::Both)?;
                if arrives {
                    server.write_all(part)?;
                }
                return server.shutdown(Shutdown::Write);
            }
            _ if length == 0 => return server.shutdown(Shutdown::Write),
            _ => server.write_all(part)?,
        }
    }
}
