"use strict";
// Calls from a page of your own: await Dering.call({ token, onstate, camera, onpicture }) or Dering.answer(…), which gives
// { hangUp(), mute(on), press(keys), camera, muteCamera(on) }. With `camera: true` the camera is asked for, too: `camera` is the
// stream of it, or null where there is none or it is denied, and the call goes on by voice. `onpicture` gets the stream of what is
// shown. States: "asking", "connecting", "talking", "unsteady", "ended", "broken". It throws an Error whose code is "denied",
// "none", "busy", "insecure", "lacking", "unreachable" or that of the server.
(() => {
  const base = new URL(".", document.currentScript.src);
  const WHY = { NotAllowedError: "denied", SecurityError: "denied", NotFoundError: "none", OverconstrainedError: "none", NotReadableError: "busy" };

  function failure(code, text) {
    return Object.assign(new Error(text || code), { code });
  }

  async function ask(path, body) {
    let answer = null;
    try {
      answer = await fetch(new URL(path, base), { method: "POST", body: JSON.stringify(body), credentials: "omit", referrerPolicy: "no-referrer" });
    } catch (error) {
      throw failure("unreachable", error.message);
    }
    // What stands between us and the server answers in pages.
    const told = answer.status === 204 ? {} : await answer.json().catch(() => ({ code: "unreachable", detail: `status ${answer.status}` }));
    if (!answer.ok) throw failure(told.code, told.detail);
    return { ...told, location: answer.headers.get("location") };
  }

  // Asked for by itself, so that who denies it still talks.
  const film = () =>
    navigator.mediaDevices.getUserMedia({ video: { width: { ideal: 640 }, frameRate: { max: 30 } } }).catch(() => null);

  async function begin(path, { token, onstate = () => {}, camera: wantsCamera = false, onpicture }) {
    if (!window.isSecureContext) throw failure("insecure");
    if (!window.RTCPeerConnection || !navigator.mediaDevices?.getUserMedia) throw failure("lacking");
    onstate("asking");
    const stream = await navigator.mediaDevices.getUserMedia({ audio: true }).catch((error) => {
      throw failure(WHY[error.name] || "none", error.message);
    });
    const camera = wantsCamera ? await film() : null;
    const peer = new RTCPeerConnection();
    const sound = new Audio();
    let end = null;
    let isOver = false;

    function release() {
      for (const one of [stream, camera]) one?.getTracks().forEach((track) => track.stop());
      peer.close();
    }

    function over(state) {
      if (isOver) return;
      isOver = true;
      window.removeEventListener("pagehide", hangUp);
      release();
      sound.srcObject = null;
      onstate(state);
    }

    function tellServer() {
      if (end && !isOver) fetch(new URL(end, base), { method: "DELETE", keepalive: true, credentials: "omit" }).catch(() => {});
    }

    function hangUp() {
      tellServer();
      over("ended");
    }

    const track = stream.getAudioTracks()[0];
    const sender = peer.addTrack(track, stream);
    const lens = camera?.getVideoTracks()[0];
    if (lens) peer.addTransceiver(lens, { direction: "sendrecv", streams: [stream], sendEncodings: [{ maxBitrate: 800000 }] });
    else if (onpicture) peer.addTransceiver("video", { direction: "recvonly" });
    peer.addEventListener("track", (event) => {
      const come = new MediaStream([event.track]);
      if (event.track.kind === "video") return onpicture?.(come);
      sound.srcObject = come;
      sound.play().catch(() => {});
    });
    peer.addEventListener("connectionstatechange", () => {
      const state = peer.connectionState;
      if (state === "connected") {
        onstate("talking");
        sender.transport?.addEventListener("statechange", () => {
          if (sender.transport.state === "closed") over("ended");
        });
      }
      if (state === "disconnected") onstate("unsteady");
      if (state === "failed") { tellServer(); over("broken"); }
      if (state === "closed") over("ended");
    });
    try {
      onstate("connecting");
      await peer.setLocalDescription(await peer.createOffer());
      const told = await ask(path, { token, sdp: peer.localDescription.sdp });
      end = told.location && told.location.replace(/^\//, "");
      window.addEventListener("pagehide", hangUp);
      await peer.setRemoteDescription({ type: "answer", sdp: told.sdp });
    } catch (error) {
      isOver = true;
      release();
      throw error;
    }
    return {
      hangUp,
      mute: (on) => { track.enabled = !on; },
      press: (keys) => sender.dtmf?.insertDTMF(keys, 160, 60),
      camera,
      muteCamera: (on) => { if (lens) lens.enabled = !on; },
    };
  }

  window.Dering = {
    call: (wanted) => begin("v1/browser-calls", wanted),
    answer: (wanted) => begin("v1/ring-links/accept", wanted),
    look: (token) => ask("v1/ring-links/open", { token }),
    decline: (token) => ask("v1/ring-links/decline", { token }),
  };
})();
