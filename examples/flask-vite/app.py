from flask import Flask, jsonify, send_from_directory

# What Vite built is served as it is; the API is Flask's.
app = Flask(__name__, static_folder="dist", static_url_path="/")


@app.get("/")
def index():
    return send_from_directory("dist", "index.html")


@app.get("/api/greet/<name>")
def greet(name):
    return jsonify(greeting=f"Hello, {name}")
