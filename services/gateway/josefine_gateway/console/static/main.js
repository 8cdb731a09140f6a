// The page: tabs, the key, and the two views.
import { KeyDialog } from "./key.js";
import { ListenView } from "./listen.js";
import { PipelineView } from "./pipeline.js";
import { tabs } from "./tabs.js";

const key = new KeyDialog();
new ListenView(key);
const pipeline = new PipelineView(key);
tabs(["listen", "pipeline"], (name) => pipeline.shown(name === "pipeline"));
