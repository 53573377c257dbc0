(defproject hello "1.0"
  :description "Greets whoever is named in the path"
  :dependencies [[org.clojure/clojure "1.12.0"]
                 [org.clojure/data.json "2.5.1"]]
  :main hello.core
  :profiles {:uberjar {:aot :all}})
