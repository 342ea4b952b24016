"use strict";
// A call that rings by a link. The token stands behind the "#", so browsers send it nowhere by themselves.
(() => {
  const page = document.getElementById("ring");
  if (!page) return;
  const part = (name) => document.getElementById("ring-" + name);
  const words = page.dataset;
  const token = location.hash.slice(1);
  const WHY = { NotAllowedError: "denied", SecurityError: "denied", NotFoundError: "none", OverconstrainedError: "none", NotReadableError: "busy" };
  let call = null;
  let watching = 0;
  let isVideo = false;

  const ask = (what, body) =>
    fetch("/v1/ring-links/" + what, { method: "POST", body: JSON.stringify({ token, ...body }), referrerPolicy: "no-referrer" });

  function show(name, text, isBad) {
    for (const step of ["offer", "talk"]) part(step).hidden = step !== name;
    tell(text, isBad);
  }

  function tell(text, isBad) {
    part("state").textContent = text || "";
    part("state").className = isBad ? "alarm" : "";
  }

  function hangUp() {
    if (call?.end) fetch(call.end, { method: "DELETE", keepalive: true }).catch(() => {});
  }

  function drop() {
    const { peer, stream } = call || {};
    part("sight").hidden = true;
    for (const name of ["picture", "self"]) part(name).srcObject = null;
    call = null;
    stream?.getTracks().forEach((track) => track.stop());
    peer?.close();
  }

  function over(text, isBad) {
    clearTimeout(watching);
    drop();
    show("", text, isBad);
    part("state").focus();
  }

  // It rings on: what went wrong may be mended, and the link is still good.
  function again(text) {
    drop();
    part("accept").disabled = false;
    show("offer", text, true);
    look(true);
  }

  async function look(isQuiet) {
    clearTimeout(watching);
    if (call) return;
    let news = null;
    try {
      const answer = await ask("open");
      if (call) return;
      if (answer.status === 404) return over(words.unknown, true);
      if (answer.status === 503) return over(words.closed, true);
      if (!answer.ok) throw new Error(answer.status);
      news = await answer.json();
    } catch (error) {
      tell(words.unreachable, true);
    }
    if (call) return;
    if (news?.state === "ringing") {
      if (part("offer").hidden) show("offer", "");
      else if (!isQuiet) tell("");
      if (news.caller) part("who").textContent = words.who.replace("%", news.caller);
      isVideo = news.video;
      part("video-note").hidden = !isVideo;
    } else if (news?.state === "soon") tell(words.soon);
    else if (news) return over(words[news.state], news.state === "answered" || news.state === "expired");
    watching = setTimeout(() => look(true), 2000);
  }

  function watch(peer, sender) {
    peer.addEventListener("track", (event) => {
      const stream = new MediaStream([event.track]);
      if (event.track.kind === "audio") part("sound").srcObject = stream;
      else part("picture").srcObject = stream;
    });
    peer.addEventListener("connectionstatechange", () => {
      const state = peer.connectionState;
      if (state === "connected") {
        show("talk", call?.isBlind ? words.blind : words.talking);
        part("end").focus();
        sender.transport?.addEventListener("statechange", () => {
          if (sender.transport.state === "closed") over(words.ended);
        });
      }
      if (state === "disconnected") tell(words.unsteady, true);
      if (state === "failed") { hangUp(); over(words.broken, true); }
      if (state === "closed") over(words.ended);
    });
  }

  // The camera is asked for by itself: who has none, or keeps it to themselves, talks and still sees what is shown.
  async function devices(mine) {
    mine.stream = await navigator.mediaDevices.getUserMedia({ audio: true });
    if (!isVideo) return;
    tell(words.camera);
    try {
      const picture = await navigator.mediaDevices.getUserMedia({ video: { width: { ideal: 640 }, frameRate: { max: 30 } } });
      picture.getTracks().forEach((track) => mine.stream.addTrack(track));
    } catch (error) {
      mine.isBlind = true;
    }
  }

  function addPictures(peer, stream) {
    const camera = stream.getVideoTracks()[0];
    if (camera) {
      peer.addTransceiver(camera, { direction: "sendrecv", streams: [stream], sendEncodings: [{ maxBitrate: 800000 }] });
      part("self").srcObject = new MediaStream([camera]);
    } else peer.addTransceiver("video", { direction: "recvonly" });
    part("self").hidden = part("camera").hidden = !camera;
    part("sight").hidden = false;
  }

  async function accept() {
    if (call) return;
    if (!window.isSecureContext) return tell(words.insecure, true);
    if (!window.RTCPeerConnection || !navigator.mediaDevices?.getUserMedia) return tell(words.lacking, true);
    const mine = (call = {});
    part("accept").disabled = true;
    tell(words.asking);
    try {
      await devices(mine);
    } catch (error) {
      return again(words[WHY[error.name]] || error.message);
    }
    tell(words.connecting);
    try {
      const peer = (mine.peer = new RTCPeerConnection());
      const track = mine.stream.getAudioTracks()[0];
      mine.sender = peer.addTrack(track, mine.stream);
      track.addEventListener("ended", () => call === mine && tell(words.unplugged, true));
      watch(peer, mine.sender);
      if (isVideo) addPictures(peer, mine.stream);
      await peer.setLocalDescription(await peer.createOffer());
      const answer = await ask("accept", { sdp: peer.localDescription.sdp });
      // A link that does not ring any more says so when it is looked at.
      if (!answer.ok) return again(answer.status === 409 ? "" : words.refused);
      mine.end = answer.headers.get("location");
      await peer.setRemoteDescription({ type: "answer", sdp: (await answer.json()).sdp });
    } catch (error) {
      hangUp();
      again(words.unreachable);
    }
  }

  async function decline() {
    if (call) return;
    clearTimeout(watching);
    try {
      await ask("decline");
    } catch (error) {
      tell(words.unreachable, true);
    }
    look();
  }

  part("accept").addEventListener("click", accept);
  part("decline").addEventListener("click", decline);
  part("end").addEventListener("click", () => { hangUp(); over(words.ended); });
  part("mute").addEventListener("click", (event) => {
    const track = call?.stream?.getAudioTracks()[0];
    if (!track) return;
    track.enabled = !track.enabled;
    event.currentTarget.setAttribute("aria-pressed", String(!track.enabled));
  });
  part("camera").addEventListener("click", (event) => {
    const track = call?.stream?.getVideoTracks()[0];
    if (!track) return;
    track.enabled = !track.enabled;
    event.currentTarget.setAttribute("aria-pressed", String(!track.enabled));
  });
  part("keys").addEventListener("click", (event) => {
    const key = event.target.closest("[data-key-pressed]")?.dataset.keyPressed;
    if (key && call?.sender?.dtmf?.canInsertDTMF) call.sender.dtmf.insertDTMF(key, 160, 60);
  });
  window.addEventListener("pagehide", hangUp);
  // Another link was opened in this tab.
  window.addEventListener("hashchange", () => location.reload());
  document.addEventListener("visibilitychange", () => { if (!document.hidden) look(); });
  if (token) look();
  else over(words.unknown, true);
})();
