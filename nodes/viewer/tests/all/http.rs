//! Requests as any program may send them.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

use tungstenite::client::IntoClientRequest as _;
use tungstenite::{HandshakeError, Message, WebSocket};

/// Where rerun's viewer asks for the recording.
pub(crate) const READ_MESSAGES: &str = "rerun.sdk_comms.v1alpha1.MessageProxyService/ReadMessages";

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: String,
    pub(crate) body: String,
}

fn connect(port: u16) -> TcpStream {
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    stream
}

/// Sends a request with these header lines; `Host` is added where they have none.
pub(crate) fn send(port: u16, what: &str, headers: &[&str], body: &str) -> Answer {
    let mut stream = connect(port);
    let mut text = format!("{what} HTTP/1.1\r\nConnection: close\r\n");
    if !headers.iter().any(|header| header.starts_with("Host:")) {
        text += &format!("Host: 127.0.0.1:{port}\r\n");
    }
    for header in headers {
        text += &format!("{header}\r\n");
    }
    if !body.is_empty() {
        text += "Content-Type: application/json\r\n";
    }
    text += &format!("Content-Length: {}\r\n\r\n{body}", body.len());
    stream.write_all(text.as_bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let answer = String::from_utf8_lossy(&answer);
    let (headers, body) = answer.split_once("\r\n\r\n").unwrap();
    Answer {
        status: headers.split(' ').nth(1).unwrap().parse().unwrap(),
        headers: headers.to_ascii_lowercase(),
        body: body.to_owned(),
    }
}

/// A page's line to the node.
pub(crate) struct Live(WebSocket<TcpStream>);

impl Live {
    pub(crate) fn open(port: u16) -> Self {
        Self::ask(port, &format!("http://localhost:{port}")).unwrap()
    }

    /// Opens it as a page of `origin` would; the status with which that is refused.
    pub(crate) fn ask(port: u16, origin: &str) -> Result<Self, u16> {
        let url = format!("ws://localhost:{port}/live");
        let mut request = url.into_client_request().unwrap();
        let headers = request.headers_mut();
        headers.insert("Origin", origin.parse().unwrap());
        match tungstenite::client(request, connect(port)) {
            Ok((socket, _)) => Ok(Self(socket)),
            Err(HandshakeError::Failure(tungstenite::Error::Http(refused))) => {
                Err(refused.status().as_u16())
            }
            Err(error) => panic!("{error}"),
        }
    }

    /// Says something.
    pub(crate) fn say(&mut self, word: &str) {
        self.0.send(Message::text(word)).unwrap();
    }

    /// The next thing heard; `None` when the line is cut.
    pub(crate) fn next(&mut self) -> Option<serde_json::Value> {
        loop {
            match self.0.read() {
                Ok(Message::Text(text)) => return Some(serde_json::from_str(&text).unwrap()),
                Ok(Message::Close(_)) | Err(_) => return None,
                Ok(_) => {}
            }
        }
    }

    /// The first thing heard for which `is_it` holds.
    #[track_caller]
    pub(crate) fn wait(&mut self, is_it: impl Fn(&serde_json::Value) -> bool) -> serde_json::Value {
        for _ in 0..200 {
            let told = self.next().expect("the line stays");
            if is_it(&told) {
                return told;
            }
        }
        panic!("it never came");
    }
}

/// Begins to read the recording as a page's viewer does, and does not end.
pub(crate) fn hold_recording(port: u16) -> TcpStream {
    let mut stream = connect(port);
    let request = format!(
        "POST /{READ_MESSAGES} HTTP/1.1\r\nHost: localhost:{port}\r\nContent-Type: application/grpc-web+proto\r\n\
         X-Grpc-Web: 1\r\nContent-Length: 5\r\n\r\n\0\0\0\0\0"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut first = [0; 12];
    stream.read_exact(&mut first).unwrap();
    assert_eq!(&first, b"HTTP/1.1 200");
    stream
}
