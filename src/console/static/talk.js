"use strict";
// Talks to a flow: the microphone goes to it, its voice comes back, and the page of the call is renewed beside it.
(() => {
  const form = document.getElementById("talk");
  if (!form) return;
  const part = (name) => document.getElementById("talk-" + name);
  const words = form.dataset;
  let call = null;

  const tell = (text, isBad) => {
    part("state").textContent = text || "";
    part("state").className = isBad ? "alarm" : "";
  };

  // What keeps a microphone away, in words.
  const WHY = { NotAllowedError: "denied", SecurityError: "denied", NotFoundError: "none", OverconstrainedError: "none", NotReadableError: "busy" };

  function hangUp() {
    if (call?.end) fetch(call.end, { method: "DELETE", keepalive: true }).catch(() => {});
  }

  function over(text, isBad) {
    if (!call) return;
    const { peer, stream } = call;
    call = null;
    stream?.getTracks().forEach((track) => track.stop());
    peer?.close();
    part("panel").hidden = true;
    part("picture").hidden = true;
    part("picture").srcObject = null;
    part("start").disabled = false;
    part("start").focus();
    tell(text, isBad);
  }

  function show(id) {
    const live = document.createElement("div");
    live.id = "live";
    const about = { "hx-get": "/calls/" + id, "hx-select": "#live", "hx-swap": "morph:outerHTML", "hx-trigger": "load, sse:changed" };
    for (const [name, value] of Object.entries(about)) live.setAttribute(name, value);
    const stream = document.createElement("div");
    const from = { "hx-ext": "sse,morph", "sse-connect": "/calls/" + id + "/changes?after=0", "sse-close": "end", "data-lost": words.lost };
    for (const [name, value] of Object.entries(from)) stream.setAttribute(name, value);
    const link = document.createElement("a");
    link.href = "/calls/" + id;
    link.textContent = words.page;
    stream.append(live);
    part("call").replaceChildren(link, stream);
    window.htmx?.process(stream);
  }

  function watch(peer, sender) {
    peer.addEventListener("track", (event) => {
      const stream = new MediaStream([event.track]);
      if (event.track.kind === "audio") part("sound").srcObject = stream;
      else part("picture").srcObject = stream;
    });
    // There is something to see once the flow shows it.
    part("picture").addEventListener("loadeddata", () => { part("picture").hidden = false; });
    peer.addEventListener("connectionstatechange", () => {
      const state = peer.connectionState;
      if (state === "connected") {
        tell(words.talking);
        sender.transport?.addEventListener("statechange", () => {
          if (sender.transport.state === "closed") over(words.ended);
        });
      }
      if (state === "disconnected") tell(words.unsteady, true);
      if (state === "failed") { hangUp(); over(words.broken, true); }
      if (state === "closed") over(words.ended);
    });
  }

  async function begin(event) {
    event.preventDefault();
    if (call) return;
    if (!window.isSecureContext) return tell(words.insecure, true);
    if (!window.RTCPeerConnection || !navigator.mediaDevices?.getUserMedia) return tell(words.lacking, true);
    const mine = (call = {});
    const given = new URLSearchParams(new FormData(form));
    part("start").disabled = true;
    tell(words.asking);
    try {
      mine.stream = await navigator.mediaDevices.getUserMedia({ audio: true });
    } catch (error) {
      return over(words[WHY[error.name]] || error.message, true);
    }
    tell(words.connecting);
    try {
      const peer = (mine.peer = new RTCPeerConnection());
      const track = mine.stream.getAudioTracks()[0];
      mine.sender = peer.addTrack(track, mine.stream);
      track.addEventListener("ended", () => call === mine && tell(words.unplugged, true));
      watch(peer, mine.sender);
      peer.addTransceiver("video", { direction: "recvonly" });
      await peer.setLocalDescription(await peer.createOffer());
      given.set("sdp", peer.localDescription.sdp);
      const answer = await fetch(form.action, { method: "POST", body: given });
      const told = await answer.json();
      if (!answer.ok) return over(told.detail, true);
      mine.end = told.end;
      await peer.setRemoteDescription({ type: "answer", sdp: told.sdp });
      part("panel").hidden = false;
      part("end").focus();
      show(told.callId);
    } catch (error) {
      hangUp();
      over(words.unreachable, true);
    }
  }

  form.addEventListener("submit", begin);
  part("end").addEventListener("click", () => { hangUp(); over(words.ended); });
  part("mute").addEventListener("click", (event) => {
    const track = call?.stream?.getAudioTracks()[0];
    if (!track) return;
    track.enabled = !track.enabled;
    event.currentTarget.setAttribute("aria-pressed", String(!track.enabled));
  });
  part("panel").addEventListener("click", (event) => {
    const key = event.target.closest("[data-key-pressed]")?.dataset.keyPressed;
    if (key && call?.sender?.dtmf?.canInsertDTMF) call.sender.dtmf.insertDTMF(key, 160, 60);
  });
  window.addEventListener("pagehide", hangUp);
})();
