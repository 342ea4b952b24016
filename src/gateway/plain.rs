//! The plain WebSocket of 1.0.5, `/ws/{sessionId}`: one connection, one call. Binary frames are audio in the
//! codecs agreed on, text frames are `{"event": …, "data": …}`.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket, close_code};
use futures_util::stream::SplitSink;
use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::time::interval;

use super::clients::Client;
use super::messages::{Event, Press, TextFrame};
use super::outbox::Item;
use super::record::Party;
use super::room::Room;
use super::shared::Shared;

/// How often a client must answer that it lives.
const PING: Duration = Duration::from_secs(20);

/// Serves one connection until the call or the client is gone.
pub(super) async fn serve(socket: WebSocket, shared: Arc<Shared>, room: Arc<Room>) {
    let client = Client::new(room.holder, false);
    shared.clients.add(&client);
    let (sink, mut stream) = socket.split();
    if let Err(error) = room.join(&client) {
        tracing::debug!(%error, "a WebSocket could not join");
        client.refuse("joinRoom", error.to_string());
        client.outbox.push(Item::End);
    }
    let writer = tokio::spawn(write(sink, Arc::clone(&client)));
    while let Some(Ok(message)) = stream.next().await {
        match message {
            Message::Binary(bytes) => {
                if let Err(error) = room.audio(None, &bytes, "") {
                    metrics::counter!("dering_gateway_audio_refused_total").increment(1);
                    client.refuse("audio", error.to_string());
                }
            }
            Message::Text(text) => {
                if let Err((about, reason)) = act(&room, &text) {
                    client.refuse(&about, reason);
                }
            }
            Message::Ping(_) | Message::Pong(_) => {}
            Message::Close(_) => break,
        }
        if client.outbox.is_closed() {
            break;
        }
    }
    shared.clients.remove(&client);
    // It ends by itself now; a client that does not read is cut off below us.
    drop(writer);
}

/// Does what a text frame asks for; otherwise says which event was wrong, and why.
fn act(room: &Room, text: &str) -> Result<(), (String, String)> {
    let frame: TextFrame = serde_json::from_str(text)
        .map_err(|_| (String::new(), "Invalid frame: send {\"event\": …, \"data\": …}".to_owned()))?;
    let done = match frame.event.as_str() {
        "dtmf" => match serde_json::from_value::<Press>(frame.data) {
            Ok(press) => room.press(&press).map_err(|error| error.to_string()),
            Err(_) => Err("Invalid dtmf event: data needs a digit".to_owned()),
        },
        "hangup" => {
            room.hang_up(Party::Bot);
            Ok(())
        }
        "interruption" => room.interrupt().map_err(|error| error.to_string()),
        "checkPoint" => match frame.data {
            Value::String(name) => room.check_point(name).map_err(|error| error.to_string()),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
                Err("Invalid checkPoint event: data is its name".to_owned())
            }
        },
        _ => Err("Unknown event".to_owned()),
    };
    done.map_err(|reason| (frame.event, reason))
}

async fn write(mut sink: SplitSink<WebSocket, Message>, client: Arc<Client>) {
    let mut pings = interval(PING);
    pings.reset();
    loop {
        let message = tokio::select! {
            item = client.outbox.next() => match item {
                None | Some(Item::End) => break,
                Some(Item::Audio(audio)) => Message::Binary(audio.bytes),
                Some(Item::Event(event)) => {
                    // The record is the last word of a call.
                    if matches!(event, Event::Cdr(_)) {
                        client.outbox.push(Item::End);
                    }
                    let Some(text) = event.frame() else { continue };
                    Message::Text(text.into())
                }
                Some(Item::Ack(..)) => continue,
            },
            _ = pings.tick() => Message::Ping(bytes::Bytes::new()),
        };
        if sink.send(message).await.is_err() {
            break;
        }
    }
    client.outbox.close();
    let close = CloseFrame { code: close_code::NORMAL, reason: "".into() };
    if let Err(error) = sink.send(Message::Close(Some(close))).await {
        tracing::debug!(%error, "a WebSocket was gone before it was closed");
    }
}
