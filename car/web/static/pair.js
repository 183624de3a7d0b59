/** The pair page: hands the car the code from the address, which no server has seen until now, and forgets it. */

const $ = (id) => document.getElementById(id);

async function pair(code) {
  $("form").querySelector("button").disabled = true;
  say("Pairing…");
  try {
    const response = await fetch("/api/pair", {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-Pocketpilot": "1" },
      body: JSON.stringify({ code }),
    });
    if (response.ok) {
      say("Paired. Have fun.");
      location.replace("/");
      return;
    }
    const content = await response.json().catch(() => ({}));
    say(content.error ?? "The car did not take this code. Type car pair on the car for a new one.", true);
  } catch {
    say("The car does not answer. Check that it is on and on the same network.", true);
  }
  $("form").querySelector("button").disabled = false;
}

function say(text, isBad = false) {
  $("text").textContent = text;
  $("text").className = isBad ? "bad" : "muted";
}

$("form").addEventListener("submit", (event) => {
  event.preventDefault();
  pair($("code").value.trim());
});

function pairByAddress() {
  const code = decodeURIComponent(location.hash.slice(1));
  if (!code) return;
  history.replaceState(null, "", location.pathname);
  pair(code);
}

/** Led here from another name, the browser has not shown that it is paired: it does when this page asks. */
async function goOnIfKnown() {
  if (location.search === "?known" && (await fetch("/api/status")).ok) location.replace("/");
}

window.addEventListener("hashchange", pairByAddress);
pairByAddress();
goOnIfKnown();
