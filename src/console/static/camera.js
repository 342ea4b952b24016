"use strict";
// The camera of the callee runs with the recording.
for (const what of ["play", "pause", "seeked", "timeupdate"]) document.addEventListener(what, ({ target }) => {
  const film = target.id === "sound" && document.getElementById("film");
  if (!film) return;
  if (Math.abs(film.currentTime - target.currentTime) > 0.3) film.currentTime = target.currentTime;
  if (target.paused) film.pause();
  else film.play().catch(() => {});
}, true);

// Somebody watches the camera of a running call.
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-watch]");
  if (!button || button.disabled) return;
  button.disabled = true;
  const tell = (text) => {
    const state = document.getElementById("watch-state");
    if (state) state.textContent = text;
  };
  const peer = new RTCPeerConnection();
  let end = "";
  const leave = () => {
    if (end) fetch(end, { method: "DELETE", keepalive: true }).catch(() => {});
  };
  const stop = (text) => {
    leave();
    window.removeEventListener("pagehide", leave);
    peer.close();
    button.disabled = false;
    const eye = document.getElementById("eye");
    if (eye) Object.assign(eye, { hidden: true, srcObject: null });
    tell(text);
  };
  peer.addEventListener("track", ({ track, transceiver }) => {
    const eye = document.getElementById("eye");
    Object.assign(eye, { hidden: false, srcObject: new MediaStream([track]) });
    // The server says goodbye on the transport; the connection itself does not close.
    const transport = transceiver.receiver.transport;
    transport?.addEventListener("statechange", () => { if (transport.state === "closed") stop(""); });
  });
  peer.addEventListener("connectionstatechange", () => {
    if (["failed", "closed"].includes(peer.connectionState)) stop("");
  });
  try {
    peer.addTransceiver("video", { direction: "recvonly" });
    await peer.setLocalDescription(await peer.createOffer());
    const body = new URLSearchParams({ token: button.dataset.token, sdp: peer.localDescription.sdp });
    const answer = await fetch(button.dataset.watch, { method: "POST", body });
    const told = await answer.json();
    if (!answer.ok) return stop(told.detail);
    end = told.end;
    window.addEventListener("pagehide", leave);
    await peer.setRemoteDescription({ type: "answer", sdp: told.sdp });
    tell("");
  } catch (error) {
    stop(button.dataset.failed);
  }
});
