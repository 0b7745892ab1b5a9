//! An echo server on mio, written as mio's own examples are: each connection is
//! registered once for both directions, and its token is an index. A read that
//! does not fill the buffer has emptied the socket, as tokio has it too.
//!
//!     echo-mio PORT

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};
use std::io::{self, ErrorKind, Read, Write};

const LISTENER: Token = Token(usize::MAX);
const BUFFER: usize = 64 << 10;

struct Conn {
    stream: TcpStream,
    pending: Vec<u8>, // what could not be sent yet
    ending: bool,     // the end of the stream has come: a short read hides it
}

/// Sends what is pending. True if nothing is left.
fn flush(conn: &mut Conn) -> io::Result<bool> {
    while !conn.pending.is_empty() {
        match conn.stream.write(&conn.pending) {
            Ok(n) => {
                conn.pending.drain(..n);
            }
            Err(e) if e.kind() == ErrorKind::WouldBlock => return Ok(false),
            Err(e) => return Err(e),
        }
    }
    Ok(true)
}

/// Echoes what has arrived. False if the connection has ended.
fn serve(conn: &mut Conn, buffer: &mut [u8]) -> io::Result<bool> {
    if !flush(conn)? {
        return Ok(true);
    }
    loop {
        let n = match conn.stream.read(buffer) {
            Ok(0) => return Ok(false),
            Ok(n) => n,
            Err(e) if e.kind() == ErrorKind::WouldBlock => return Ok(true),
            Err(e) => return Err(e),
        };
        let sent = match conn.stream.write(&buffer[..n]) {
            Ok(sent) => sent,
            Err(e) if e.kind() == ErrorKind::WouldBlock => 0,
            Err(e) => return Err(e),
        };
        if sent < n {
            conn.pending.extend_from_slice(&buffer[sent..n]);
            if !flush(conn)? {
                return Ok(true);
            }
        }
        if n < buffer.len() && !conn.ending {
            return Ok(true);
        }
    }
}

fn accept_all(
    poll: &Poll,
    listener: &TcpListener,
    conns: &mut Vec<Option<Conn>>,
    free: &mut Vec<usize>,
) -> io::Result<()> {
    loop {
        let mut stream = match listener.accept() {
            Ok((stream, _)) => stream,
            Err(e) if e.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(e) => return Err(e),
        };
        stream.set_nodelay(true)?;
        let index = free.pop().unwrap_or_else(|| {
            conns.push(None);
            conns.len() - 1
        });
        poll.registry()
            .register(&mut stream, Token(index), Interest::READABLE.add(Interest::WRITABLE))?;
        conns[index] = Some(Conn { stream, pending: Vec::new(), ending: false });
    }
}

fn main() -> io::Result<()> {
    let port: u16 = std::env::args().nth(1).and_then(|p| p.parse().ok()).expect("usage: echo-mio PORT");
    let mut listener = TcpListener::bind(([127, 0, 0, 1], port).into())?;
    let mut poll = Poll::new()?;
    let mut events = Events::with_capacity(256);
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    let mut conns: Vec<Option<Conn>> = Vec::new();
    let mut free = Vec::new();
    let mut buffer = vec![0u8; BUFFER];
    println!("ready");
    loop {
        if let Err(e) = poll.poll(&mut events, None) {
            if e.kind() == ErrorKind::Interrupted {
                continue;
            }
            return Err(e);
        }
        for event in events.iter() {
            if event.token() == LISTENER {
                accept_all(&poll, &listener, &mut conns, &mut free)?;
                continue;
            }
            let index = event.token().0;
            if let Some(conn) = conns[index].as_mut() {
                conn.ending |= event.is_read_closed();
                if !matches!(serve(conn, &mut buffer), Ok(true)) {
                    conns[index] = None; // closing it deregisters it
                    free.push(index);
                }
            }
        }
    }
}
