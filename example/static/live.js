// Keeps the page /live as things are now.
"use strict";

const pause = 1000; // milliseconds before we ask once more
const card = document.getElementById("live");
const email = document.getElementById("email");
const plan = document.getElementById("plan");

// say shows one of the sentences that the page holds.
function say(state) {
  for (const p of document.querySelectorAll("[data-state]")) {
    p.hidden = p.dataset.state !== state;
  }
  card.dataset.now = state;
}

// follow listens. When the connection breaks, EventSource opens it anew by itself;
// when it is refused, or the session behind it is over, that is for us to do.
function follow() {
  const events = new EventSource("/live/events");
  const stop = () => {
    events.close();
    say("unknown");
    setTimeout(ask, pause);
  };
  events.addEventListener("plan", (event) => {
    plan.textContent = JSON.parse(event.data).plan;
    say("live");
  });
  events.addEventListener("unknown", () => say("unknown"));
  events.addEventListener("ended", stop);
  events.addEventListener("error", () => {
    if (events.readyState === EventSource.CLOSED) {
      stop();
    } else {
      say("unknown");
    }
  });
}

// ask finds out who is signed in. The session that the stream belonged to may have
// been followed by another in this browser, as after a change of password; and a
// server that cannot answer has signed nobody out.
async function ask() {
  try {
    const answer = await fetch("/profile", { headers: { Accept: "application/json" } });
    if (answer.status === 401) {
      end();
      return;
    }
    if (answer.ok) {
      const user = await answer.json();
      if (user.email === card.dataset.email) {
        follow();
      } else {
        location.reload(); // somebody else has signed in
      }
      return;
    }
  } catch {
    // Nobody answers.
  }
  setTimeout(ask, 5 * pause);
}

// end takes away what the next person at this screen need not see.
function end() {
  email.remove();
  plan.remove();
  say("ended");
}

follow();
